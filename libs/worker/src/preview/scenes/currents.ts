import { Noise } from '../noise.js';
import type { Paced } from '../paced.js';
import { SmoothField } from '../smooth-field.js';
import { blendTone, type Canvas, clamp01, putTone, type RowPainter, type Scene } from './scene.js';

/** Pixels that a strand runs in a second, in shares of the shorter side. */
const SPEED = 0.06;

/** Fine strands that drift along a divergence-free flow, lighter where many run together. */
export function* currentsScene(canvas: Canvas): Paced<Scene> {
  const { width, height, palette, random } = canvas;
  const noise = new Noise(random);
  const scale = random.between(1.1, 1.7) / Math.min(width, height);
  const lean = random.between(-1.2, 1.2);
  const stream: Stream = (x, y) =>
    noise.layered(x * scale, y * scale, 2) + (y * Math.cos(lean) - x * Math.sin(lean)) * scale * 0.55;
  const ground = yield* SmoothField.sampled(width, height, stream);
  const strands = yield* strandsAlong(canvas, stream);
  const row = new Float32Array(width);
  const ink = new Uint16Array(width * height);
  const shift = random.between(0, 1);
  const painterAt =
    (seconds: number): RowPainter =>
    (y, out) => {
      ground.readRow(y, row);
      for (let x = 0; x < width; x++) {
        const phase = 0.5 + 0.5 * Math.sin((row[x] ?? 0) * 2.6 + shift * 6.28 + seconds * 0.35);
        const glow = ink[y * width + x] ?? 0;
        const density = glow / (glow + 200);
        putTone(palette.ramp, 0.06 + 0.3 * phase, out, x * 3);
        blendTone(palette.ramp, 0.4 + 0.3 * phase + 0.5 * density, clamp01(density * 1.7), out, x * 3);
      }
    };
  return {
    *at(seconds) {
      ink.fill(0);
      for (const [index, strand] of strands.entries()) {
        drawStrand(ink, canvas, strand, seconds * speedOf(canvas));
        if (index % 8 === 0) yield;
      }
      return painterAt(seconds);
    },
  };
}

/** A stretch of `steps` points that runs along a longer path, one after the other as x and y. */
interface Strand {
  readonly weight: number;
  readonly steps: number;
  readonly path: Float32Array;
}

function speedOf({ width, height }: Canvas): number {
  return Math.min(width, height) * SPEED;
}

function* strandsAlong(canvas: Canvas, stream: Stream): Paced<Strand[]> {
  const { width, height, random } = canvas;
  const flow = yield* flowOf(canvas, stream);
  const count = Math.round((width * height) / 900);
  const run = Math.ceil(canvas.seconds * speedOf(canvas)) + 1;
  const strands: Strand[] = [];
  for (let strand = 0; strand < count; strand++) {
    const weight = random.between(25, 170) * (random.between(0, 1) < 0.12 ? 1.7 : 1);
    const steps = Math.round(Math.min(width, height) * random.between(0.05, 0.3));
    strands.push({ weight, steps, path: pathAlong(canvas, flow, steps + run) });
    if (strand % 8 === 0) yield;
  }
  return strands;
}

/** Follows the flow from somewhere, a pixel a step. */
function pathAlong(canvas: Canvas, flow: Flow, steps: number): Float32Array {
  const path = new Float32Array(steps * 2);
  let x = canvas.random.between(-0.05, 1.05) * canvas.width;
  let y = canvas.random.between(-0.05, 1.05) * canvas.height;
  for (let step = 0; step < steps; step++) {
    path[step * 2] = x;
    path[step * 2 + 1] = y;
    const column = Math.max(0, Math.min(flow.columns - 1, Math.floor(x / FLOW_CELL)));
    const row = Math.max(0, Math.min(flow.rows - 1, Math.floor(y / FLOW_CELL)));
    x += flow.dx[row * flow.columns + column] ?? 0;
    y += flow.dy[row * flow.columns + column] ?? 0;
  }
  return path;
}

/** Draws the stretch that begins `from` points along the path, swelling from nothing and back. */
function drawStrand(ink: Uint16Array, canvas: Canvas, { weight, steps, path }: Strand, from: number): void {
  const first = Math.floor(from);
  const share = from - first;
  for (let step = 0; step < steps; step++) {
    const at = (first + step) * 2;
    const x = path[at] ?? 0;
    const y = path[at + 1] ?? 0;
    const nextX = path[at + 2] ?? x;
    const nextY = path[at + 3] ?? y;
    const amount = weight * Math.sin((Math.PI * step) / steps);
    drop(ink, canvas, x + (nextX - x) * share, y + (nextY - y) * share, amount);
  }
}

/** A height whose level lines the strands follow. */
type Stream = (x: number, y: number) => number;

/** Unit steps along the level lines, one per cell. */
interface Flow {
  readonly columns: number;
  readonly rows: number;
  readonly dx: Float32Array;
  readonly dy: Float32Array;
}

/** Side of a cell of the flow, in pixels. */
const FLOW_CELL = 4;

function* flowOf({ width, height }: Canvas, stream: Stream): Paced<Flow> {
  const columns = Math.ceil(width / FLOW_CELL);
  const rows = Math.ceil(height / FLOW_CELL);
  const flow: Flow = { columns, rows, dx: new Float32Array(columns * rows), dy: new Float32Array(columns * rows) };
  let above = streamRow(stream, columns + 1, 0);
  for (let row = 0; row < rows; row++) {
    const below = streamRow(stream, columns + 1, row + 1);
    for (let column = 0; column < columns; column++) {
      const gx = (above[column + 1] ?? 0) - (above[column] ?? 0);
      const gy = (below[column] ?? 0) - (above[column] ?? 0);
      const length = Math.sqrt(gx * gx + gy * gy) + 1e-9;
      flow.dx[row * columns + column] = gy / length;
      flow.dy[row * columns + column] = -gx / length;
    }
    above = below;
    yield;
  }
  return flow;
}

function streamRow(stream: Stream, length: number, row: number): Float64Array {
  return Float64Array.from({ length }, (_, column) => stream(column * FLOW_CELL, row * FLOW_CELL));
}

/** Spreads a drop over the four pixels around it. */
function drop(ink: Uint16Array, { width, height }: Canvas, x: number, y: number, amount: number): void {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  if (x0 < 0 || y0 < 0 || x0 >= width - 1 || y0 >= height - 1) return;
  const fx = x - x0;
  const fy = y - y0;
  const at = y0 * width + x0;
  ink[at] = (ink[at] ?? 0) + amount * (1 - fx) * (1 - fy);
  ink[at + 1] = (ink[at + 1] ?? 0) + amount * fx * (1 - fy);
  ink[at + width] = (ink[at + width] ?? 0) + amount * (1 - fx) * fy;
  ink[at + width + 1] = (ink[at + width + 1] ?? 0) + amount * fx * fy;
}
