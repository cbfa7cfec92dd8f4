/** Pixels as rows of red, green, blue, from whatever holds them. */

/** Sizes in pixels. */
export interface PixelRows {
  readonly width: number;
  readonly height: number;
  /** Calls back with each row from the top: red, green, blue per pixel. The row is good during the call only. */
  eachRow(visit: (row: Uint8Array) => void): void;
}

/** Red, green, blue, opaque alpha per pixel, row by row. */
export interface SmallPicture {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** Shrinks to at most `maxWidth` pixels across; each new pixel is the mean of the area that it stands for. */
export function shrunk(pixels: PixelRows, maxWidth: number): SmallPicture {
  const width = Math.min(pixels.width, maxWidth);
  const height = Math.max(1, Math.round((pixels.height * width) / pixels.width));
  const rgba = new Uint8ClampedArray(width * height * 4);
  const columns = Array.from({ length: pixels.width }, (_, x) => partsOf(x, pixels.width, width));
  const line = new Float32Array((width + 1) * 3);
  const band = new Float32Array(width * 3);
  let y = 0;
  pixels.eachRow((row) => {
    shrinkRow(row, columns, line);
    const { at, share, rest, completes } = partsOf(y++, pixels.height, height);
    for (let sample = 0; sample < band.length; sample++)
      band[sample] = (band[sample] ?? 0) + (line[sample] ?? 0) * share;
    if (!completes) return;
    writeOpaque(band, rgba, at * width * 4);
    for (let sample = 0; sample < band.length; sample++) band[sample] = (line[sample] ?? 0) * rest;
  });
  return { width, height, rgba };
}

/** Where an old pixel goes: `share` of a new one at `at`, and `rest` of the next one. */
interface Parts {
  readonly at: number;
  readonly share: number;
  readonly rest: number;
  /** Whether nothing more goes to `at`. */
  readonly completes: boolean;
}

function partsOf(old: number, from: number, to: number): Parts {
  const at = Math.floor((old * to) / from);
  // How far the old pixel reaches beyond the new one, in units of which a new pixel has `from`.
  const beyond = (old + 1) * to - (at + 1) * from;
  const rest = Math.max(0, beyond) / from;
  return { at, share: to / from - rest, rest, completes: beyond >= 0 };
}

function shrinkRow(row: Uint8Array, columns: readonly Parts[], line: Float32Array): void {
  line.fill(0);
  let from = 0;
  for (const { at, share, rest } of columns) {
    for (let to = at * 3; to < at * 3 + 3; to++) {
      const sample = row[from++] ?? 0;
      line[to] = (line[to] ?? 0) + sample * share;
      line[to + 3] = (line[to + 3] ?? 0) + sample * rest;
    }
  }
}

function writeOpaque(band: Float32Array, rgba: Uint8ClampedArray, start: number): void {
  for (let from = 0, to = start; from < band.length; from += 3, to += 4) {
    rgba[to] = band[from] ?? 0;
    rgba[to + 1] = band[from + 1] ?? 0;
    rgba[to + 2] = band[from + 2] ?? 0;
    rgba[to + 3] = 255;
  }
}
