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

/** Shrinks to at most `maxWidth` pixels across; each new pixel is the mean of those that it stands for. */
export function shrunk(pixels: PixelRows, maxWidth: number): SmallPicture {
  const width = Math.min(pixels.width, maxWidth);
  const height = Math.max(1, Math.round((pixels.height * width) / pixels.width));
  const rgba = new Uint8ClampedArray(width * height * 4);
  const band = new Band(pixels.width, width);
  let y = 0;
  pixels.eachRow((row) => {
    band.add(row);
    y++;
    // The last row of those that stand above the next new row's first one.
    const line = Math.floor(((y - 1) * height) / pixels.height);
    if (Math.floor((y * height) / pixels.height) !== line) band.writeTo(rgba, line * width * 4);
  });
  return { width, height, rgba };
}

/** The sums of the rows that make one new row. */
class Band {
  private readonly columns: Uint16Array;
  private readonly widths: Uint16Array;
  private readonly sums: Uint32Array;
  private rows = 0;

  constructor(from: number, to: number) {
    this.columns = Uint16Array.from({ length: from }, (_, x) => Math.floor((x * to) / from) * 3);
    this.widths = new Uint16Array(to);
    for (const column of this.columns) this.widths[column / 3] = (this.widths[column / 3] ?? 0) + 1;
    this.sums = new Uint32Array(to * 3);
  }

  add(row: Uint8Array): void {
    const { columns, sums } = this;
    for (let x = 0, at = 0; x < columns.length; x++, at += 3) {
      const column = columns[x] ?? 0;
      sums[column] = (sums[column] ?? 0) + (row[at] ?? 0);
      sums[column + 1] = (sums[column + 1] ?? 0) + (row[at + 1] ?? 0);
      sums[column + 2] = (sums[column + 2] ?? 0) + (row[at + 2] ?? 0);
    }
    this.rows++;
  }

  writeTo(rgba: Uint8ClampedArray, start: number): void {
    const { sums, widths, rows } = this;
    for (let x = 0; x < widths.length; x++) {
      const count = (widths[x] ?? 1) * rows;
      for (let channel = 0; channel < 3; channel++) {
        rgba[start + x * 4 + channel] = (sums[x * 3 + channel] ?? 0) / count;
      }
      rgba[start + x * 4 + 3] = 255;
    }
    sums.fill(0);
    this.rows = 0;
  }
}
