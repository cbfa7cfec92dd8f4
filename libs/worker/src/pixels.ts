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
  // Rows first: what is left for the columns is a third of the work or less.
  const band = new Float32Array(pixels.width * 3);
  let y = 0;
  pixels.eachRow((row) => {
    const { at, share, rest, completes } = partsOf(y++, pixels.height, height);
    for (let sample = 0; sample < band.length; sample++)
      band[sample] = (band[sample] ?? 0) + (row[sample] ?? 0) * share;
    if (!completes) return;
    writeShrunk(band, columns, rgba, at * width * 4);
    for (let sample = 0; sample < band.length; sample++) band[sample] = (row[sample] ?? 0) * rest;
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

function writeShrunk(band: Float32Array, columns: readonly Parts[], rgba: Uint8ClampedArray, start: number): void {
  let red = 0;
  let green = 0;
  let blue = 0;
  let from = 0;
  let to = start;
  for (const { share, rest, completes } of columns) {
    const oldRed = band[from++] ?? 0;
    const oldGreen = band[from++] ?? 0;
    const oldBlue = band[from++] ?? 0;
    red += oldRed * share;
    green += oldGreen * share;
    blue += oldBlue * share;
    if (!completes) continue;
    rgba[to++] = red;
    rgba[to++] = green;
    rgba[to++] = blue;
    rgba[to++] = 255;
    red = oldRed * rest;
    green = oldGreen * rest;
    blue = oldBlue * rest;
  }
}
