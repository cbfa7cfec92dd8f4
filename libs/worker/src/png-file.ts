import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { decodePngHeader, PNG_COLOUR, PngFormatError, type PngHeader, readPngChunks } from './png-chunks.js';
import { PngRows, rowBytes } from './png-pixels.js';

const inflateAsync = promisify(inflate);

/** Larger pictures are refused instead of inflated: 100 megapixels. */
const MAX_PIXELS = 100_000_000;

/** One zlib call per this many bytes: the default of 16 KiB would hop between threads 200 times for one picture. */
const CHUNK_BYTES = 512 * 1024;

/** What a PNG file holds; the pixels still compressed. */
export interface PngParts {
  readonly header: PngHeader;
  readonly palette: Uint8Array;
  readonly compressed: Buffer;
}

/** @throws {PngFormatError} when it is no whole PNG of a kind that an engine may write. */
export function readPng(bytes: Uint8Array): PngParts {
  const chunks = [...readPngChunks(bytes)];
  const [first] = chunks;
  if (!first) throw new PngFormatError('is empty');
  const header = supported(decodePngHeader(first));
  const palette = chunks.find((chunk) => chunk.type === 'PLTE')?.data ?? new Uint8Array();
  const data = chunks.filter((chunk) => chunk.type === 'IDAT').map((chunk) => chunk.data);
  return { header, palette, compressed: Buffer.concat(data) };
}

/** The rows of pixels. Rejects with zlib's errors, or with `PngFormatError`. */
export async function inflatedRows({ header, palette, compressed }: PngParts): Promise<PngRows> {
  const size = (rowBytes(header) + 1) * header.height;
  const pixels = await inflateAsync(compressed, {
    maxOutputLength: size + 1,
    chunkSize: Math.min(CHUNK_BYTES, size + 64),
  });
  if (pixels.length !== size) throw new PngFormatError(`holds ${pixels.length} bytes of pixels, not ${size}`);
  return new PngRows(pixels, header, palette);
}

function supported(header: PngHeader): PngHeader {
  const { width, height, bitDepth, colourType, interlaced } = header;
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) throw new PngFormatError(`is ${width}x${height}`);
  const depths = DEPTHS.get(colourType);
  if (!depths?.includes(bitDepth)) throw new PngFormatError(`has colour type ${colourType} with ${bitDepth} bits`);
  if (interlaced) throw new PngFormatError('is interlaced, which no engine of ours writes');
  return header;
}

/** Allowed bit depths by colour type (PNG specification, table 11.1). */
const DEPTHS: ReadonlyMap<number, readonly number[]> = new Map([
  [PNG_COLOUR.grey, [1, 2, 4, 8, 16]],
  [PNG_COLOUR.rgb, [8, 16]],
  [PNG_COLOUR.palette, [1, 2, 4, 8]],
  [PNG_COLOUR.greyAlpha, [8, 16]],
  [PNG_COLOUR.rgba, [8, 16]],
]);
