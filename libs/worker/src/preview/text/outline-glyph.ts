import type { Coverage, Glyph } from './coverage.js';
import type { Contour, Outline } from './truetype.js';

/** Straight pieces per curve: at caption sizes a curve spans a few pixels. */
const CURVE_PIECES = 5;

/** A glyph from an outline at a scale in pixels per font unit. */
export function outlineGlyph(outline: Outline, scale: number): Glyph {
  return {
    advance: outline.advance * scale,
    draw: (onto, x, baseline) => fillOutline(outline, scale, onto, x, baseline),
  };
}

function fillOutline(outline: Outline, scale: number, onto: Coverage, x: number, baseline: number): void {
  const lines = outline.contours.map((contour) => flattened(contour, scale, x, baseline));
  const all = lines.flat();
  if (all.length === 0) return;
  const left = Math.floor(Math.min(...all.map((point) => point.x)));
  const top = Math.floor(Math.min(...all.map((point) => point.y)));
  const width = Math.ceil(Math.max(...all.map((point) => point.x))) - left + 2;
  const height = Math.ceil(Math.max(...all.map((point) => point.y))) - top + 1;
  const areas = new SignedAreas(left, top, width, height);
  for (const line of lines) {
    for (const [index, point] of line.entries()) areas.addLine(line.at(index - 1) ?? point, point);
  }
  areas.coverOnto(onto);
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function flattened(contour: Contour, scale: number, x: number, baseline: number): Point[] {
  const points = contour.map((point) => ({ ...point, x: x + point.x * scale, y: baseline - point.y * scale }));
  return points.flatMap((point, index) => {
    if (point.onCurve) return [point];
    const before = points.at(index - 1) ?? point;
    const after = points[(index + 1) % points.length] ?? point;
    return curve(before.onCurve ? before : middle(before, point), point, after.onCurve ? after : middle(point, after));
  });
}

function middle(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** Points of a quadratic Bézier curve, its start left out. */
function curve(from: Point, control: Point, to: Point): Point[] {
  return Array.from({ length: CURVE_PIECES }, (_, index) => {
    const t = (index + 1) / CURVE_PIECES;
    const [a, b, c] = [(1 - t) ** 2, 2 * t * (1 - t), t ** 2];
    return { x: a * from.x + b * control.x + c * to.x, y: a * from.y + b * control.y + c * to.y };
  });
}

/**
 * Exact area coverage: every line leaves in each row what it adds to all pixels to its right, and the running sum is the
 * coverage (the method of Raph Levien's font-rs).
 */
class SignedAreas {
  private readonly sums: Float32Array;

  constructor(
    private readonly left: number,
    private readonly top: number,
    private readonly width: number,
    private readonly height: number,
  ) {
    this.sums = new Float32Array(width * height);
  }

  addLine(from: Point, to: Point): void {
    if (from.y === to.y) return;
    const direction = from.y < to.y ? 1 : -1;
    const [upper, lower] = from.y < to.y ? [from, to] : [to, from];
    const slope = (lower.x - upper.x) / (lower.y - upper.y);
    for (let y = Math.floor(upper.y); y < lower.y; y++) {
      const [y0, y1] = [Math.max(upper.y, y), Math.min(lower.y, y + 1)];
      const x0 = upper.x + (y0 - upper.y) * slope;
      this.addInRow(y, x0, x0 + (y1 - y0) * slope, (y1 - y0) * direction);
    }
  }

  /** A piece that stays within one row: `height` is signed by its direction. */
  private addInRow(y: number, x0: number, x1: number, height: number): void {
    const [low, high] = x0 < x1 ? [x0, x1] : [x1, x0];
    const row = (y - this.top) * this.width - this.left;
    const span = high - low;
    let covered = 0;
    for (let x = Math.floor(low); x <= Math.floor(high); x++) {
      const total = height * partRightOf(low, span, x, x + 1);
      this.sums[row + x] = (this.sums[row + x] ?? 0) + total - covered;
      covered = total;
    }
    const behind = row + Math.floor(high) + 1;
    this.sums[behind] = (this.sums[behind] ?? 0) + height - covered;
  }

  coverOnto(onto: Coverage): void {
    for (let y = 0; y < this.height; y++) {
      let sum = 0;
      for (let x = 0; x < this.width; x++) {
        sum += this.sums[y * this.width + x] ?? 0;
        if (Math.abs(sum) > 0.004) onto.cover(this.left + x, this.top + y, Math.abs(sum));
      }
    }
  }
}

/** Mean share of the pixel [x, end) that lies right of an edge spread evenly over [low, low + span]. */
function partRightOf(low: number, span: number, x: number, end: number): number {
  if (span < 1e-6) return end - Math.min(end, Math.max(x, low));
  const integral = (at: number) => {
    const inside = Math.min(Math.max(at - low, 0), span);
    return inside ** 2 / (2 * span) + Math.max(0, at - low - span);
  };
  return integral(end) - integral(x);
}
