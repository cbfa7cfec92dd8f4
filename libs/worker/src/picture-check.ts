import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { decodePngHeader, PNG_COLOUR, PngFormatError, type PngHeader, readPngChunks } from './png-chunks.js';
import { type PixelBounds, rowBytes, visibleBounds } from './png-pixels.js';

const inflateAsync = promisify(inflate);

/** Sizes in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** `broken`: not a whole, valid PNG of the right size; `black`, `single-colour`: valid, but nothing is on it. */
export type PictureVerdict =
  | ({ readonly ok: true } & PictureSize)
  | { readonly ok: false; readonly fault: 'broken' | 'black' | 'single-colour'; readonly reason: string };

/** Samples up to this (of 255) count as black: what a model's NaNs and a safety filter leave, give or take rounding. */
const BLACK_LIMIT = 8;

/** Larger pictures are refused instead of inflated: 100 megapixels. */
const MAX_PIXELS = 100_000_000;

/** One zlib call per this many bytes: the default of 16 KiB would hop between threads 200 times for one picture. */
const CHUNK_BYTES = 512 * 1024;

/**
 * Says whether the bytes are a whole PNG with something on it: signature, every checksum, the inflated pixel data, the
 * size (when one is expected), and that the picture is neither black nor of a single colour.
 */
export async function checkPicture(bytes: Uint8Array, expected?: PictureSize): Promise<PictureVerdict> {
  try {
    return await judge(readPicture(bytes), expected);
  } catch (error) {
    if (isFormatFault(error)) return { ok: false, fault: 'broken', reason: error.message };
    throw error;
  }
}

/** Ours, or one of zlib's about the data it was given (`Z_DATA_ERROR`, `Z_BUF_ERROR`, more output than allowed). */
function isFormatFault(error: unknown): error is Error {
  if (error instanceof PngFormatError) return true;
  if (!(error instanceof Error) || !('code' in error)) return false;
  return /^Z_(DATA|BUF)_ERROR$|^Z_NEED_DICT$|^ERR_BUFFER_TOO_LARGE$/.test(String(error.code));
}

interface PngParts {
  readonly header: PngHeader;
  readonly palette: Uint8Array;
  readonly compressed: Buffer;
}

async function judge({ header, palette, compressed }: PngParts, expected?: PictureSize): Promise<PictureVerdict> {
  const { width, height } = header;
  if (expected && (width !== expected.width || height !== expected.height)) {
    throw new PngFormatError(`is ${width}x${height}, not ${expected.width}x${expected.height}`);
  }
  const size = (rowBytes(header) + 1) * height;
  const pixels = await inflateAsync(compressed, {
    maxOutputLength: size + 1,
    chunkSize: Math.min(CHUNK_BYTES, size + 64),
  });
  if (pixels.length !== size) throw new PngFormatError(`holds ${pixels.length} bytes of pixels, not ${size}`);
  return verdictOn(visibleBounds(pixels, header, palette, BLACK_LIMIT), { width, height });
}

function verdictOn(bounds: PixelBounds, size: PictureSize): PictureVerdict {
  if (bounds.brightest <= BLACK_LIMIT) return { ok: false, fault: 'black', reason: 'every pixel is black' };
  if (bounds.uniform) return { ok: false, fault: 'single-colour', reason: 'every pixel has the same colour' };
  return { ok: true, ...size };
}

function readPicture(bytes: Uint8Array): PngParts {
  const chunks = [...readPngChunks(bytes)];
  const [first] = chunks;
  if (!first) throw new PngFormatError('is empty');
  const header = supported(decodePngHeader(first));
  const palette = chunks.find((chunk) => chunk.type === 'PLTE')?.data ?? new Uint8Array();
  const data = chunks.filter((chunk) => chunk.type === 'IDAT').map((chunk) => chunk.data);
  return { header, palette, compressed: Buffer.concat(data) };
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
