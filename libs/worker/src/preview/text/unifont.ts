import type { Coverage, Glyph } from './coverage.js';

/** Unifont's cell: 16 rows, the baseline below the 14th; 8 or 16 columns. */
const ROWS = 16;
const BASELINE_ROW = 14;
const GLYPH_BYTES = 32;
const WIDE = 0x80000000;

/**
 * GNU Unifont, packed as `fonts/README.md` describes: a count, that many sorted code points (the highest bit set for the
 * glyphs of 16 columns), then 32 bytes per glyph. It has nearly all of Unicode's scripts.
 */
export class Unifont {
  private readonly count: number;

  constructor(private readonly data: Buffer) {
    this.count = data.readUInt32LE(0);
  }

  /** The glyph at a height of `size` pixels from its cell's top to its bottom. */
  glyph(codePoint: number, size: number): Glyph | undefined {
    const index = this.indexOf(codePoint);
    if (index < 0) return undefined;
    const wide = (this.entry(index) & WIDE) !== 0;
    const start = 4 + this.count * 4 + index * GLYPH_BYTES;
    const bitmap = this.data.subarray(start, start + GLYPH_BYTES);
    return {
      advance: (size * (wide ? 16 : 8)) / ROWS,
      draw: (onto, x, y) => drawSmooth(bitmap, size / ROWS, onto, x, y),
    };
  }

  private entry(index: number): number {
    return this.data.readUInt32LE(4 + index * 4);
  }

  private indexOf(codePoint: number): number {
    let [low, high] = [0, this.count - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = (this.entry(middle) & ~WIDE) >>> 0;
      if (found === codePoint) return middle;
      if (found < codePoint) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}

/** Rounds the dots' stairs: the bitmap, blurred between its dots and cut at the middle, with a soft edge. */
function drawSmooth(bitmap: Uint8Array, scale: number, onto: Coverage, x: number, baseline: number): void {
  const top = baseline - BASELINE_ROW * scale;
  const edge = 0.5 / Math.max(1, scale);
  for (let py = Math.floor(top); py <= top + ROWS * scale; py++) {
    for (let px = Math.floor(x); px <= x + ROWS * scale; px++) {
      const value = dotAt(bitmap, (px + 0.5 - x) / scale - 0.5, (py + 0.5 - top) / scale - 0.5);
      const share = (value - 0.42 + edge) / (2 * edge);
      if (share > 0) onto.cover(px, py, share);
    }
  }
}

function dotAt(bitmap: Uint8Array, column: number, row: number): number {
  const [c, r] = [Math.floor(column), Math.floor(row)];
  const [fc, fr] = [column - c, row - r];
  const upper = bit(bitmap, c, r) * (1 - fc) + bit(bitmap, c + 1, r) * fc;
  const lower = bit(bitmap, c, r + 1) * (1 - fc) + bit(bitmap, c + 1, r + 1) * fc;
  return upper * (1 - fr) + lower * fr;
}

function bit(bitmap: Uint8Array, column: number, row: number): number {
  if (column < 0 || column > 15 || row < 0 || row >= ROWS) return 0;
  return ((bitmap[row * 2 + (column >> 3)] ?? 0) >> (7 - (column & 7))) & 1;
}
