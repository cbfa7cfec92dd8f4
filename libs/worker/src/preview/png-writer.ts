import { constants, createDeflate, type Deflate } from 'node:zlib';
import type { PictureSize } from '../picture-check.js';
import { encodePngHeader, PNG_COLOUR, PNG_SIGNATURE, pngChunk, pngChunkInParts } from '../png-chunks.js';

/** Rows that are filtered and handed to zlib together; their time bounds how long the event loop is held. */
const STRIP_ROWS = 16;

/** Writes red, green, blue per pixel of row `y`, 0 to 255. */
export type RowPainter = (y: number, out: Uint8Array) => void;

/**
 * Encodes an RGB PNG. zlib's thread compresses one strip of rows while the next is painted; neither the pixels nor their
 * filtered form ever exist as a whole. Rejects with the signal's reason within a strip's time of an abort.
 */
export async function encodePng(size: PictureSize, paintRow: RowPainter, signal: AbortSignal): Promise<Buffer> {
  // Grain leaves nothing to match: Huffman codes alone are twice as fast and a tenth smaller than matching.
  const deflate = createDeflate({ strategy: constants.Z_HUFFMAN_ONLY, chunkSize: 64 * 1024 });
  try {
    const parts: Buffer[] = [];
    deflate.on('data', (part: Buffer) => parts.push(part));
    await writeStrips(size, paintRow, deflate, signal);
    return assembled(size, parts);
  } finally {
    deflate.destroy();
  }
}

function assembled(size: PictureSize, compressed: readonly Buffer[]): Buffer {
  const header = encodePngHeader({ ...size, bitDepth: 8, colourType: PNG_COLOUR.rgb, interlaced: false });
  const data = pngChunkInParts('IDAT', compressed);
  return Buffer.concat([PNG_SIGNATURE, header, ...data, pngChunk('IEND', Buffer.alloc(0))]);
}

async function writeStrips(size: PictureSize, paintRow: RowPainter, deflate: Deflate, signal: AbortSignal) {
  const filter = new UpFilter(size, paintRow);
  // Two strips take turns: one is being painted while zlib reads the other.
  let painting = Buffer.alloc(filter.stride * STRIP_ROWS);
  let compressing = Buffer.alloc(filter.stride * STRIP_ROWS);
  let compressed = Promise.resolve();
  for (let top = 0; top < size.height; top += STRIP_ROWS) {
    const strip = filter.fill(painting, top, Math.min(STRIP_ROWS, size.height - top));
    await compressed;
    signal.throwIfAborted();
    compressed = written(deflate, strip);
    [painting, compressing] = [compressing, painting];
  }
  await compressed;
  await ended(deflate);
}

function written(deflate: Deflate, strip: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    deflate.write(strip, (error) => (error ? reject(error) : resolve()));
  });
}

function ended(deflate: Deflate): Promise<void> {
  return new Promise((resolve, reject) => {
    deflate.once('end', resolve).once('error', reject);
    deflate.end();
  });
}

/** Filter 2, "Up" (PNG specification 9.2): each byte as its difference to the one above. */
class UpFilter {
  /** Bytes of a row with the byte that names its filter. */
  readonly stride: number;
  private row: Uint8Array;
  private above: Uint8Array;

  constructor(
    size: PictureSize,
    private readonly paintRow: RowPainter,
  ) {
    this.stride = size.width * 3 + 1;
    this.row = new Uint8Array(size.width * 3);
    this.above = new Uint8Array(size.width * 3);
  }

  /** Paints and filters `rows` rows from `top` into the strip; returns the part of it that is filled. */
  fill(strip: Buffer, top: number, rows: number): Buffer {
    for (let index = 0; index < rows; index++) {
      this.paintRow(top + index, this.row);
      this.filterRow(strip, index * this.stride);
      [this.row, this.above] = [this.above, this.row];
    }
    return strip.subarray(0, rows * this.stride);
  }

  private filterRow(strip: Buffer, start: number): void {
    const { row, above } = this;
    strip[start] = 2;
    for (let at = 0; at < row.length; at++) strip[start + 1 + at] = (row[at] ?? 0) - (above[at] ?? 0);
  }
}
