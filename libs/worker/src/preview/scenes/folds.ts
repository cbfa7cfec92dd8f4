import { Noise } from '../noise.js';
import type { Paced } from '../paced.js';
import { SmoothField } from '../smooth-field.js';
import { type Canvas, lighten, putTone, type RowPainter, type Scene, shade } from './scene.js';

/** How far the silk's two warps drift in a second, in features of the noise. */
const DRIFT = 0.14;

/** Silk in the wind: a twice-warped noise field under a raking light (domain warping after Inigo Quilez). */
export function* foldsScene({ width, height, palette, random }: Canvas): Paced<Scene> {
  const noise = new Noise(random);
  const scale = random.between(1.1, 1.7) / Math.min(width, height);
  const warp = random.between(0.9, 1.5);
  const angle = random.between(0, Math.PI);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const stretch = random.between(0.45, 0.7);
  const fieldAt = (drift: number) =>
    SmoothField.sampled(width, height, (px, py) => {
      const x = (px * cos + py * sin) * scale;
      const y = (py * cos - px * sin) * scale * stretch;
      const wx = noise.layered(x + 3.1 - drift, y + 7.7, 2);
      const wy = noise.layered(x - 5.2, y + 1.3 + drift, 2);
      return noise.layered(x + warp * wx, y + warp * wy + 0.6 * noise.at(x + wy * 2, y), 2) + 0.35 * wx;
    });
  const bands = random.between(0.95, 1.35);
  const middle = random.between(0.45, 0.6);
  const rows = [new Float32Array(width), new Float32Array(width)] as const;
  const painterOf =
    (field: SmoothField): RowPainter =>
    (y, out) => {
      const [row, below] = rows;
      // In the last row and column the slope of the ones before stands in.
      const upper = Math.max(0, Math.min(y, height - 2));
      field.readRow(upper, row);
      field.readRow(Math.min(upper + 1, height - 1), below);
      const relief = Math.min(width, height) * 0.3;
      for (let x = 0; x < width; x++) {
        const value = row[x] ?? 0;
        const left = Math.max(0, Math.min(x, width - 2));
        const dx = ((row[left + 1] ?? value) - (row[left] ?? 0)) * relief;
        const dy = ((below[x] ?? 0) - value) * relief;
        const facing = (1 - dx * 0.75 - dy * 0.55) / Math.sqrt(1 + dx * dx + dy * dy);
        putTone(palette.ramp, middle + value * bands * 0.62 + (facing - 0.9) * 0.14, out, x * 3);
        shade(out, x * 3, 0.62 + 0.36 * Math.max(0, facing));
        const gloss = Math.max(0, facing - 0.9);
        lighten(out, x * 3, gloss * gloss * 140);
      }
    };
  return {
    *at(seconds) {
      return painterOf(yield* fieldAt(seconds * DRIFT));
    },
  };
}
