import type { PictureSize } from '../picture-check.js';
import { Coverage } from './text/coverage.js';
import { type Cluster, captionText, clustersOf, widthOf, wrapLines } from './text/text-layout.js';
import type { Typefaces } from './text/typefaces.js';
import { type WritingDirection, writingDirectionOf } from './text/writing-direction.js';

const LABEL = 'PREVIEW';

/** Between the label's letters, in ems. */
const LABEL_TRACKING = 0.24;

const MOST_LINES = 3;

/** How dark the ground under the text gets: white on it keeps a contrast above 4.5 even on a white picture. */
const SCRIM = 0.66;

/** Measures of a caption, in pixels. */
interface Metrics {
  readonly margin: number;
  readonly size: number;
  readonly labelSize: number;
  readonly lineHeight: number;
}

/** The word PREVIEW and the prompt at the foot of a picture, on a ground that darkens softly towards the edge. */
export class Caption {
  private constructor(
    private readonly top: number,
    private readonly fadeRows: number,
    private readonly coverage: Coverage,
  ) {}

  static async of(prompt: string, picture: PictureSize, typefaces: Typefaces): Promise<Caption> {
    const metrics = metricsOf(picture);
    const text = captionText(prompt);
    await typefaces.prepareFor(text);
    const direction = await writingDirectionOf(text);
    const lines = promptLines(text, picture, metrics, typefaces);
    const height = Math.min(
      picture.height,
      Math.ceil(2 * metrics.margin + metrics.labelSize + lines.length * metrics.lineHeight),
    );
    const coverage = new Coverage(picture.width, height);
    drawLabel(coverage, metrics, direction, typefaces);
    drawLines(coverage, lines, metrics, direction);
    return new Caption(picture.height - height, metrics.margin * 2.2, coverage);
  }

  /** Draws what belongs to row `y` over red, green, blue per pixel. */
  paintRow(y: number, row: Float32Array): void {
    const shade = 1 - SCRIM * smooth((y - this.top + this.fadeRows) / (this.fadeRows * 2));
    if (shade === 1) return;
    for (let at = 0; at < row.length; at++) row[at] = (row[at] ?? 0) * shade;
    if (y >= this.top) this.paintText(y - this.top, row);
  }

  private paintText(line: number, row: Float32Array): void {
    const { width, alpha } = this.coverage;
    for (let x = 0; x < width; x++) {
      const share = (alpha[line * width + x] ?? 0) / 255;
      if (share === 0) continue;
      for (let at = x * 3; at < x * 3 + 3; at++) row[at] = (row[at] ?? 0) + (TEXT_WHITE - (row[at] ?? 0)) * share;
    }
  }
}

/** Just below the brightest, so that grain shows on letters too. */
const TEXT_WHITE = 250;

function smooth(value: number): number {
  const t = Math.min(1, Math.max(0, value));
  return t * t * (3 - 2 * t);
}

/** Sizes follow the shorter side but stay readable; a picture too narrow for the label makes it smaller. */
function metricsOf({ width, height }: PictureSize): Metrics {
  const span = Math.min(width, height);
  const margin = span * 0.045;
  const size = Math.max(13, span * 0.0275);
  const labelSize = Math.min(Math.max(10, size * 0.66), (width - 2 * margin) / (LABEL.length * 0.95));
  return { margin, size, labelSize, lineHeight: size * 1.36 };
}

function promptLines(text: string, picture: PictureSize, metrics: Metrics, typefaces: Typefaces): Cluster[][] {
  const [ellipsis] = clustersOf('…', typefaces, metrics.size);
  if (!ellipsis) throw new Error('the caption font has no ellipsis');
  const mostLines = Math.min(MOST_LINES, Math.floor((picture.height * 0.5) / metrics.lineHeight));
  const width = picture.width - 2 * metrics.margin;
  return wrapLines(clustersOf(text, typefaces, metrics.size), width, mostLines, ellipsis);
}

function drawLabel(onto: Coverage, metrics: Metrics, direction: WritingDirection, typefaces: Typefaces): void {
  const { margin, labelSize } = metrics;
  const tracking = labelSize * LABEL_TRACKING;
  const letters = clustersOf(LABEL, typefaces, labelSize).map((letter) => ({
    ...letter,
    advance: letter.advance + tracking,
  }));
  const x = direction.rightToLeft ? onto.width - margin - widthOf(letters) + tracking : margin;
  drawLine(onto, letters, x, margin * 0.6 + labelSize);
}

function drawLines(onto: Coverage, lines: readonly Cluster[][], metrics: Metrics, direction: WritingDirection): void {
  const { margin, size, lineHeight, labelSize } = metrics;
  for (const [index, line] of lines.entries()) {
    const x = direction.rightToLeft ? onto.width - margin - widthOf(line) : margin;
    const baseline = margin * 0.85 + labelSize + size + index * lineHeight;
    drawLine(onto, direction.order(line), x, Math.round(baseline));
  }
}

function drawLine(onto: Coverage, line: readonly Cluster[], start: number, baseline: number): void {
  let x = start;
  for (const { glyphs, advance } of line) {
    for (const glyph of glyphs) glyph.draw(onto, x, baseline);
    x += advance;
  }
}

/**
 * Draws PREVIEW alone, `size` pixels an em, at the top of a bare area: whoever checks that a picture is not empty finds it
 * in the first rows.
 */
export function drawBareLabel(onto: Coverage, size: number, typefaces: Typefaces): void {
  const letters = clustersOf(LABEL, typefaces, size);
  drawLine(onto, letters, (onto.width - widthOf(letters)) / 2, Math.round(size * 1.1));
}
