import type { Paced } from './paced.js';

/** Pixels between two samples of a field: soft shapes need no more, and it saves 15 of 16 evaluations. */
const CELL = 4;

/**
 * A soft function of the plane, sampled on a coarse grid and read row by row at full resolution. Between the samples
 * runs a uniform cubic B-spline, whose second derivative is continuous: light on it shows no facets.
 */
export class SmoothField {
  private readonly columns: number;
  private readonly samples: Float32Array;
  private readonly blended: Float32Array;

  private constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.columns = Math.ceil(width / CELL) + 3;
    this.samples = new Float32Array(this.columns * (Math.ceil(height / CELL) + 3));
    this.blended = new Float32Array(this.columns);
  }

  /** `at` is asked in pixels, also a few pixels outside the picture. */
  static *sampled(width: number, height: number, at: (x: number, y: number) => number): Paced<SmoothField> {
    const field = new SmoothField(width, height);
    const { columns, samples } = field;
    for (let row = 0; row * columns < samples.length; row++) {
      for (let column = 0; column < columns; column++) {
        samples[row * columns + column] = at((column - 1) * CELL, (row - 1) * CELL);
      }
      yield;
    }
    return field;
  }

  /** Writes row `y` (0 to height - 1) into `out`, one value per pixel. */
  readRow(y: number, out: Float32Array): void {
    this.blendRows(y);
    const { blended, width } = this;
    for (let x = 0; x < width; x++) {
      const at = (x / CELL) | 0;
      const phase = (x - at * CELL) * 4;
      out[x] =
        (SPLINE[phase] ?? 0) * (blended[at] ?? 0) +
        (SPLINE[phase + 1] ?? 0) * (blended[at + 1] ?? 0) +
        (SPLINE[phase + 2] ?? 0) * (blended[at + 2] ?? 0) +
        (SPLINE[phase + 3] ?? 0) * (blended[at + 3] ?? 0);
    }
  }

  private blendRows(y: number): void {
    const { blended, samples, columns } = this;
    const row = Math.floor(y / CELL);
    const [w0, w1, w2, w3] = splineWeights(y / CELL - row);
    const at = row * columns;
    for (let column = 0; column < columns; column++) {
      blended[column] =
        w0 * (samples[at + column] ?? 0) +
        w1 * (samples[at + columns + column] ?? 0) +
        w2 * (samples[at + 2 * columns + column] ?? 0) +
        w3 * (samples[at + 3 * columns + column] ?? 0);
    }
  }
}

type Weights = readonly [number, number, number, number];

/** The four weights of each of a cell's pixels, one after the other. */
const SPLINE = Float32Array.from(Array.from({ length: CELL }, (_, phase) => splineWeights(phase / CELL)).flat());

function splineWeights(t: number): Weights {
  const rest = 1 - t;
  return [rest ** 3 / 6, (3 * t ** 3 - 6 * t ** 2 + 4) / 6, (3 * rest ** 3 - 6 * rest ** 2 + 4) / 6, t ** 3 / 6];
}
