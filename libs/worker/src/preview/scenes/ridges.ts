import { Noise } from '../noise.js';
import type { Paced } from '../paced.js';
import { blendTone, type Canvas, clamp01, lighten, putTone, type Scene } from './scene.js';

interface Ridge {
  /** Height of the crest, in pixels from the top, per column. */
  readonly crest: Float32Array;
  readonly tone: number;
}

/** Mountains in mist under a low sun, sometimes above a lake that mirrors them. */
export function* ridgesScene(canvas: Canvas): Paced<Scene> {
  const { width, height, random, palette } = canvas;
  const span = Math.min(width, height);
  const ridges = yield* ridgesOf(canvas);
  const shore = random.between(0, 1) < 0.55 ? Math.round(height * random.between(0.7, 0.78)) : height;
  const sky = skyOf(canvas);
  const ripple = new Noise(random);
  const mirrored = new Float32Array(width * 3);
  const paintLand = (y: number, out: Float32Array) => {
    for (let x = 0; x < width; x++) {
      sky(x, y, out);
      for (const ridge of ridges) {
        const depth = y - (ridge.crest[x] ?? 0);
        if (depth <= 0) continue;
        const mist = 0.2 * clamp01(depth / (span * 0.28));
        blendTone(palette.ramp, ridge.tone + mist, Math.min(1, depth), out, x * 3);
      }
    }
  };
  return {
    paintRow(y, out) {
      if (y < shore) return paintLand(y, out);
      const depth = y - shore;
      paintLand(Math.max(0, Math.round(shore - 1 - depth * 1.15)), mirrored);
      const near = depth / (height - shore + 1);
      for (let x = 0; x < width; x++) {
        const wave = ripple.at((x / span) * (9 - 5 * near), (depth / span) * (95 - 45 * near));
        const from = Math.min(width - 1, Math.max(0, Math.round(x + wave * (3 + near * 0.03 * span)))) * 3;
        for (let channel = 0; channel < 3; channel++) out[x * 3 + channel] = (mirrored[from + channel] ?? 0) * 0.86;
        lighten(out, x * 3, 16 * Math.max(0, wave) + (depth < 2 ? 22 : 0));
      }
    },
  };
}

function* ridgesOf({ width, height, random }: Canvas): Paced<Ridge[]> {
  const span = Math.min(width, height);
  const noise = new Noise(random);
  const count = random.integer(4, 6);
  const top = random.between(0.42, 0.52);
  const ridges: Ridge[] = [];
  for (let index = 0; index < count; index++) {
    const share = index / (count - 1);
    const crest = new Float32Array(width);
    const roughness = 1.3 + share * 1.4;
    const reach = span * (0.16 + 0.05 * share);
    for (let x = 0; x < width; x++) {
      const along = (x / span) * roughness;
      const peak = noise.layered(along + index * 31.7, index * 5.1, 7);
      crest[x] =
        height * (top + 0.42 * share) - reach * (0.25 + peak - 0.35 * Math.abs(noise.at(along * 2.3, index + 0.5)));
    }
    ridges.push({ crest, tone: 0.6 * (1 - share) ** 1.15 + 0.02 });
    yield;
  }
  return ridges;
}

/** By day the sky brightens towards the horizon around a sun; by night it stays deep, with a pale moon and stars. */
function skyOf({ width, height, palette, random }: Canvas): (x: number, y: number, out: Float32Array) => void {
  const span = Math.min(width, height);
  const [sunX, sunY] = [width * random.between(0.22, 0.78), height * random.between(0.2, 0.42)];
  const radius = span * random.between(0.055, 0.1);
  const night = !palette.light;
  const [zenith, horizon] = night ? [0.1, 0.62] : [0.52, 0.93];
  const clouds = new Noise(random);
  return (x, y, out) => {
    const distance = Math.hypot(x - sunX, y - sunY);
    const glow = 1 / (1 + (distance / (span * 0.17)) ** 2);
    const drift = clouds.at((x / span) * 1.6, (y / span) * 7) * 0.06;
    const height01 = clamp01(y / (height * 0.55));
    putTone(palette.ramp, zenith + (horizon - zenith) * height01 ** 1.3 + drift + glow * 0.2, out, x * 3);
    const disc = clamp01(radius - distance + 0.5);
    if (disc > 0) blendTone(palette.ramp, 0.995, disc, out, x * 3);
    lighten(out, x * 3, glow * 14);
  };
}
