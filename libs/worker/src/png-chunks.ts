import { crc32 } from 'node:zlib';

/** The eight bytes every PNG starts with (PNG specification, third edition, 5.2). */
export const PNG_SIGNATURE: Uint8Array = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** One chunk of a PNG file. `data` is a view, not a copy; `end` is the offset of the byte behind its checksum. */
export interface PngChunk {
  readonly type: string;
  readonly data: Uint8Array;
  readonly end: number;
}

/** The file is no PNG that can be read; the message says where. */
export class PngFormatError extends Error {
  override readonly name = 'PngFormatError';
}

/** Builds one chunk: length, four-letter type, data, CRC-32 over type and data. */
export function pngChunk(type: string, data: Uint8Array): Buffer {
  const chunk = Buffer.allocUnsafe(data.length + 12);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, data.length + 8)), data.length + 8);
  return chunk;
}

/** One chunk whose data comes in parts, as parts: a large chunk need not be copied twice. */
export function pngChunkInParts(type: string, data: readonly Buffer[]): Buffer[] {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(
    data.reduce((length, part) => length + part.length, 0),
    0,
  );
  head.write(type, 4, 'latin1');
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(
    data.reduce((crc, part) => crc32(part, crc), crc32(head.subarray(4))),
    0,
  );
  return [head, ...data, tail];
}

/**
 * Reads the chunks up to and including IEND.
 * @throws {PngFormatError} on a wrong signature, a wrong checksum, or a file that ends early.
 */
export function* readPngChunks(png: Uint8Array): Generator<PngChunk> {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  if (!bytes.subarray(0, 8).equals(PNG_SIGNATURE)) throw new PngFormatError('no PNG signature');
  let offset = 8;
  let type = '';
  while (type !== 'IEND') {
    const chunk = readChunkAt(bytes, offset);
    yield chunk;
    type = chunk.type;
    offset = chunk.end;
  }
}

function readChunkAt(bytes: Buffer, offset: number): PngChunk {
  if (offset + 12 > bytes.length) throw new PngFormatError(`truncated at byte ${offset}`);
  const length = bytes.readUInt32BE(offset);
  const end = offset + 12 + length;
  const type = bytes.toString('latin1', offset + 4, offset + 8);
  if (end > bytes.length) throw new PngFormatError(`truncated in chunk ${JSON.stringify(type)} at byte ${offset}`);
  if (crc32(bytes.subarray(offset + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) {
    throw new PngFormatError(`wrong checksum of chunk ${JSON.stringify(type)} at byte ${offset}`);
  }
  return { type, data: bytes.subarray(offset + 8, end - 4), end };
}

/** What IHDR says (PNG specification 11.2.1). Sizes in pixels, `bitDepth` in bits per sample. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colourType: number;
  readonly interlaced: boolean;
}

/** Colour types of the PNG specification, table 11.1. */
export const PNG_COLOUR = { grey: 0, rgb: 2, palette: 3, greyAlpha: 4, rgba: 6 } as const;

export function encodePngHeader(header: PngHeader): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(header.width, 0);
  data.writeUInt32BE(header.height, 4);
  data.set([header.bitDepth, header.colourType, 0, 0, header.interlaced ? 1 : 0], 8);
  return pngChunk('IHDR', data);
}

/** @throws {PngFormatError} when the chunk is not a complete IHDR. */
export function decodePngHeader(chunk: PngChunk): PngHeader {
  if (chunk.type !== 'IHDR' || chunk.data.length !== 13) throw new PngFormatError('does not start with IHDR');
  const data = Buffer.from(chunk.data.buffer, chunk.data.byteOffset, 13);
  return {
    width: data.readUInt32BE(0),
    height: data.readUInt32BE(4),
    bitDepth: data.readUInt8(8),
    colourType: data.readUInt8(9),
    interlaced: data.readUInt8(12) !== 0,
  };
}
