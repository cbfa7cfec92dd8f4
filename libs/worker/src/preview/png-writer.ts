import { pipeline } from 'node:stream/promises';
import { constants, createDeflate } from 'node:zlib';
import { encodePngHeader, PNG_COLOUR, PNG_SIGNATURE, pngChunk } from '../png-chunks.js';

/** Rows that are filtered and handed to zlib together; their time bounds how long the event loop is held. */
const STRIP_ROWS = 32;

/**
 * Encodes an RGB PNG row by row: `paintRow` writes red, green, blue per pixel of row `y`. Neither the pixels nor their
 * filtered form exist as a whole. Rejects when the signal is aborted.
 */
export async function encodePng(
  size: { readonly width: number; readonly height: number },
  paintRow: (y: number, out: Uint8Array) => void,
  signal: AbortSignal,
): Promise<Buffer> {
  const compressed: Buffer[] = [];
  // Noise compresses no better at a higher level, it only takes longer.
  const deflate = createDeflate({ level: 2, strategy: constants.Z_FILTERED, chunkSize: 128 * 1024 });
  await pipeline(filteredStrips(size, paintRow), deflate, collectInto(compressed), { signal });
  const header = encodePngHeader({ ...size, bitDepth: 8, colourType: PNG_COLOUR.rgb, interlaced: false });
  const end = pngChunk('IEND', Buffer.alloc(0));
  return Buffer.concat([PNG_SIGNATURE, header, pngChunk('IDAT', Buffer.concat(compressed)), end]);
}

function collectInto(parts: Buffer[]) {
  return async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const part of source) parts.push(part);
  };
}

async function* filteredStrips(
  { width, height }: { readonly width: number; readonly height: number },
  paintRow: (y: number, out: Uint8Array) => void,
): AsyncGenerator<Buffer> {
  const stride = width * 3 + 1;
  let [row, above] = [new Uint8Array(width * 3), new Uint8Array(width * 3)];
  for (let top = 0; top < height; top += STRIP_ROWS) {
    const rows = Math.min(STRIP_ROWS, height - top);
    const strip = Buffer.allocUnsafe(stride * rows);
    for (let index = 0; index < rows; index++) {
      paintRow(top + index, row);
      filterUp(row, above, strip.subarray(index * stride, (index + 1) * stride));
      [row, above] = [above, row];
    }
    yield strip;
  }
}

/** Filter 2, "Up" (PNG specification 9.2): the difference to the row above. */
function filterUp(row: Uint8Array, above: Uint8Array, out: Buffer): void {
  out[0] = 2;
  for (let at = 0; at < row.length; at++) out[at + 1] = (row[at] ?? 0) - (above[at] ?? 0);
}
