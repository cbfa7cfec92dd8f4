import { Noise } from '../noise.js';
import type { Paced } from '../paced.js';
import { SmoothField } from '../smooth-field.js';
import { blendTone, type Canvas, clamp01, lighten, putTone, type Scene, shade, smoothstep } from './scene.js';

/** Sheets of paper, cut out in layers, each throwing a soft shadow on the one below. */
export function* paperScene({ width, height, palette, random }: Canvas): Paced<Scene> {
  const noise = new Noise(random);
  const span = Math.min(width, height);
  const scale = random.between(1.2, 1.9) / span;
  const [cx, cy] = [width * random.between(0.3, 0.7), height * random.between(0.25, 0.55)];
  const pull = random.between(0.5, 1.1);
  const field = yield* SmoothField.sampled(width, height, (px, py) => {
    const bend = noise.at(px * scale * 0.8 + 4, py * scale * 0.8);
    const distance = Math.hypot(px - cx, py - cy) / span;
    return noise.layered(px * scale + bend, py * scale - bend, 2) * 0.62 + pull * (distance - 0.45);
  });
  const sheets = random.integer(6, 8);
  const step = 1.35 / sheets;
  const levelOf = (value: number) => Math.max(0, Math.min(sheets - 1, Math.floor((value + 0.6) / step)));
  const offset = Math.round(span * 0.014);
  const [row, next, lit] = [new Float32Array(width), new Float32Array(width), new Float32Array(width)];
  const toneOf = (level: number) => {
    const share = level / (sheets - 1);
    return palette.light ? 0.08 + 0.88 * share : 0.95 - 0.88 * share;
  };
  return {
    paintRow(y, out) {
      field.readRow(y, row);
      field.readRow(Math.min(y + 1, height - 1), next);
      field.readRow(Math.max(y - offset, 0), lit);
      for (let x = 0; x < width; x++) {
        const value = row[x] ?? 0;
        const level = levelOf(value);
        const slope = Math.hypot((row[x + 1] ?? value) - value, (next[x] ?? value) - value) + 1e-6;
        const floor = -0.6 + level * step;
        putTone(palette.ramp, toneOf(level), out, x * 3);
        const above = (lit[Math.max(x - offset, 0)] ?? 0) - (floor + step);
        if (level < sheets - 1) {
          const shadow = smoothstep(-slope * offset * 0.9, slope * offset * 0.8, above);
          shade(out, x * 3, 1 - 0.42 * shadow);
        }
        // A lit edge, then a blend over one pixel with the sheet below.
        const inside = (value - floor) / slope;
        if (level > 0) lighten(out, x * 3, 26 * (1 - smoothstep(0.5, 3.2, inside)));
        if (level > 0 && inside < 1)
          blendTone(palette.ramp, toneOf(level - 1), 0.5 * (1 - clamp01(inside)), out, x * 3);
      }
    },
  };
}
