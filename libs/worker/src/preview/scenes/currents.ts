import { Noise } from '../noise.js';
import type { Paced } from '../paced.js';
import { SmoothField } from '../smooth-field.js';
import { blendTone, type Canvas, clamp01, putTone, type Scene } from './scene.js';

/** Fine strands that drift along a divergence-free flow, lighter where many run together. */
export function* currentsScene(canvas: Canvas): Paced<Scene> {
  const { width, height, palette, random } = canvas;
  const noise = new Noise(random);
  const scale = random.between(1.1, 1.7) / Math.min(width, height);
  const lean = random.between(-1.2, 1.2);
  const stream = (x: number, y: number) =>
    noise.layered(x * scale, y * scale, 2) + (y * Math.cos(lean) - x * Math.sin(lean)) * scale * 0.55;
  const ground = yield* SmoothField.sampled(width, height, (x, y) => stream(x, y));
  const strands = yield* strandsAlong(canvas, stream);
  const row = new Float32Array(width);
  const shift = random.between(0, 1);
  return {
    paintRow(y, out) {
      ground.readRow(y, row);
      for (let x = 0; x < width; x++) {
        const phase = 0.5 + 0.5 * Math.sin((row[x] ?? 0) * 2.6 + shift * 6.28);
        const glow = strands[y * width + x] ?? 0;
        const density = glow / (glow + 200);
        putTone(palette.ramp, 0.06 + 0.3 * phase, out, x * 3);
        blendTone(palette.ramp, 0.4 + 0.3 * phase + 0.5 * density, clamp01(density * 1.7), out, x * 3);
      }
    },
  };
}

/** How much ink each pixel has got, 255 for a full strand. */
function* strandsAlong(canvas: Canvas, stream: (x: number, y: number) => number): Paced<Uint16Array> {
  const { width, height, random } = canvas;
  const ink = new Uint16Array(width * height);
  const span = Math.min(width, height);
  const slopes = yield* slopesOf(canvas, stream);
  const count = Math.round((width * height) / 900);
  for (let strand = 0; strand < count; strand++) {
    let x = random.between(-0.05, 1.05) * width;
    let y = random.between(-0.05, 1.05) * height;
    const weight = random.between(25, 170) * (random.between(0, 1) < 0.12 ? 1.7 : 1);
    const steps = Math.round(span * random.between(0.05, 0.3));
    for (let step = 0; step < steps; step++) {
      drop(ink, canvas, x, y, weight * Math.sin((Math.PI * step) / steps));
      const at = slopes.at(x, y);
      x += slopes.dx[at] ?? 0;
      y += slopes.dy[at] ?? 0;
    }
    if (strand % 8 === 0) yield;
  }
  return ink;
}

/** The direction of the flow on a grid of 4 pixels, as unit steps: along the level lines of the stream function. */
function* slopesOf({ width, height }: Canvas, stream: (x: number, y: number) => number) {
  const columns = (width >> 2) + 1;
  const rows = (height >> 2) + 1;
  const dx = new Float32Array(columns * rows);
  const dy = new Float32Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const here = stream(column * 4, row * 4);
      const [gx, gy] = [stream(column * 4 + 1, row * 4) - here, stream(column * 4, row * 4 + 1) - here];
      const length = Math.hypot(gx, gy) + 1e-9;
      dx[row * columns + column] = gy / length;
      dy[row * columns + column] = -gx / length;
    }
    yield;
  }
  const at = (x: number, y: number) =>
    Math.max(0, Math.min(rows - 1, y >> 2)) * columns + Math.max(0, Math.min(columns - 1, x >> 2));
  return { dx, dy, at };
}

/** Spreads a drop over the four pixels around it. */
function drop(ink: Uint16Array, { width, height }: Canvas, x: number, y: number, amount: number): void {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  if (x0 < 0 || y0 < 0 || x0 >= width - 1 || y0 >= height - 1) return;
  const [fx, fy] = [x - x0, y - y0];
  const at = y0 * width + x0;
  ink[at] = (ink[at] ?? 0) + amount * (1 - fx) * (1 - fy);
  ink[at + 1] = (ink[at + 1] ?? 0) + amount * fx * (1 - fy);
  ink[at + width] = (ink[at + width] ?? 0) + amount * (1 - fx) * fy;
  ink[at + width + 1] = (ink[at + width + 1] ?? 0) + amount * fx * fy;
}
