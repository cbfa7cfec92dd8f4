import { Noise } from '../noise.js';
import type { Paced } from '../paced.js';
import { blendTone, type Canvas, clamp01, lighten, putTone, type RowPainter, type Scene } from './scene.js';

/** A chain of mountains. Heights in pixels from the top, per column. */
interface Ridge {
  readonly crest: Float32Array;
  /** The crest without its crags: mist lies level and does not follow every tooth. */
  readonly mistTop: Float32Array;
  readonly tone: number;
}

/** What passes by in a second: the nearest ridge and the sun's rise in shares of the shorter side, clouds and waves in
 * features of the noise. */
const PASSING = 0.045;
const RISE = 0.012;
const CLOUD_DRIFT = 0.06;
const WAVE_SPEED = 1.1;

/** A flight past mountains in mist under a low sun or a moon, sometimes above a lake that mirrors them. */
export function* ridgesScene(canvas: Canvas): Paced<Scene> {
  const ridgesAt = ridgesOf(canvas);
  yield;
  const hasLake = canvas.random.between(0, 1) < 0.55;
  const shore = Math.round(canvas.height * (hasLake ? canvas.random.between(0.7, 0.78) : 1));
  const paintSky = skyPainter(canvas);
  const paintLake = lakePainter(canvas, shore);
  return {
    *at(seconds) {
      const land = landPainter(canvas, yield* ridgesAt(seconds), (y, nearest, out) =>
        paintSky({ y, nearest, seconds }, out),
      );
      return (y, out) => (y < shore ? land(y, out) : paintLake(land, seconds, y - shore, out));
    },
  };
}

function landPainter(canvas: Canvas, ridges: readonly Ridge[], paintSky: SkyRowPainter): RowPainter {
  const nearest = new Int8Array(canvas.width);
  return (y, out) => {
    findNearest(ridges, y, nearest);
    paintSky(y, nearest, out);
    for (const [index, ridge] of ridges.entries()) paintRidge(canvas, ridge, index, { y, nearest, out });
  };
}

/** Per column the foremost ridge that covers the pixel wholly, as nothing behind it needs painting; -1: none does. */
function findNearest(ridges: readonly Ridge[], y: number, nearest: Int8Array): void {
  nearest.fill(-1);
  for (const [index, { crest }] of ridges.entries()) {
    for (let x = 0; x < nearest.length; x++) if (y - (crest[x] ?? y) >= 1) nearest[x] = index;
  }
}

interface RidgeRow {
  readonly y: number;
  readonly nearest: Int8Array;
  readonly out: Float32Array;
}

function paintRidge(
  canvas: Canvas,
  { crest, mistTop, tone }: Ridge,
  index: number,
  { y, nearest, out }: RidgeRow,
): void {
  const { ramp } = canvas.palette;
  const mistScale = 1 / (Math.min(canvas.width, canvas.height) * 0.28);
  for (let x = 0; x < nearest.length; x++) {
    const depth = y - (crest[x] ?? y);
    if (depth <= 0 || (nearest[x] ?? 0) > index) continue;
    const mist = 0.2 * clamp01((y - (mistTop[x] ?? 0)) * mistScale);
    blendTone(ramp, tone + mist, depth < 1 ? depth : 1, out, x * 3);
  }
}

/** Mirrors the land row by row, each row shaken by the waves; waves grow and lengthen towards the viewer. */
function lakePainter({ width, height, random }: Canvas, shore: number) {
  const span = Math.min(width, height);
  const waves = new Noise(random);
  const mirrored = new Float32Array(width * 3);
  return (paintLand: RowPainter, seconds: number, depth: number, out: Float32Array): void => {
    paintLand(Math.max(0, Math.round(shore - 1 - depth * 1.15)), mirrored);
    const near = depth / (height - shore + 1);
    const along = (9 - 5 * near) / span;
    const across = (depth / span) * (95 - 45 * near) - seconds * WAVE_SPEED;
    const edge = depth < 2 ? 22 : 0;
    for (let x = 0; x < width; x++) {
      const wave = waves.at(x * along, across);
      const from = Math.min(width - 1, Math.max(0, Math.round(x + wave * (3 + near * 0.03 * span)))) * 3;
      const light = 16 * Math.max(0, wave) + edge;
      out[x * 3] = (mirrored[from] ?? 0) * 0.86 + light;
      out[x * 3 + 1] = (mirrored[from + 1] ?? 0) * 0.86 + light;
      out[x * 3 + 2] = (mirrored[from + 2] ?? 0) * 0.86 + light;
    }
  };
}

/** The ridges at a time; near ones pass by faster than far ones. */
function ridgesOf(canvas: Canvas): (seconds: number) => Paced<Ridge[]> {
  const noise = new Noise(canvas.random);
  const count = canvas.random.integer(4, 6);
  const top = canvas.random.between(0.42, 0.52);
  const passing = Math.min(canvas.width, canvas.height) * PASSING;
  return function* (seconds) {
    const ridges: Ridge[] = [];
    for (let index = 0; index < count; index++) {
      const share = index / (count - 1);
      const base = canvas.height * (top + 0.42 * share);
      const passed = seconds * passing * (0.15 + 0.85 * share * share);
      ridges.push({
        crest: crestOf(canvas, noise, { base, share, index, passed, octaves: 7 }),
        mistTop: crestOf(canvas, noise, { base, share, index, passed, octaves: 2 }),
        tone: 0.6 * (1 - share) ** 1.15 + 0.02,
      });
      yield;
    }
    return ridges;
  };
}

/** `share`: 0 for the farthest ridge, 1 for the nearest, which is rougher and higher. */
interface CrestShape {
  readonly base: number;
  readonly share: number;
  readonly index: number;
  /** Pixels that it has moved to the left. */
  readonly passed: number;
  readonly octaves: number;
}

function crestOf({ width, height }: Canvas, noise: Noise, shape: CrestShape): Float32Array {
  const { base, share, index, passed, octaves } = shape;
  const span = Math.min(width, height);
  const reach = span * (0.16 + 0.05 * share);
  const frequency = (1.3 + share * 1.4) / span;
  return Float32Array.from({ length: width }, (_, x) => {
    const along = (x + passed) * frequency;
    const peak = noise.layered(along + index * 31.7, index * 5.1, octaves);
    return base - reach * (0.25 + peak - 0.35 * Math.abs(noise.at(along * 2.3, index + 0.5)));
  });
}

type SkyRowPainter = (y: number, nearest: Int8Array, out: Float32Array) => void;

interface SkyRow {
  readonly y: number;
  readonly nearest: Int8Array;
  readonly seconds: number;
}

/** By day the sky brightens towards the horizon around a sun; by night it stays deep around a pale moon. */
function skyPainter({ width, height, palette, random }: Canvas) {
  const span = Math.min(width, height);
  const sunX = width * random.between(0.22, 0.78);
  const sunY = height * random.between(0.2, 0.42);
  const radius = span * random.between(0.055, 0.1);
  const zenith = palette.light ? 0.52 : 0.1;
  const rise = palette.light ? 0.41 : 0.52;
  const clouds = new Noise(random);
  return ({ y, nearest, seconds }: SkyRow, out: Float32Array): void => {
    const tone = zenith + rise * clamp01(y / (height * 0.55)) ** 1.3;
    const sunAt = sunY - seconds * span * RISE;
    const drifted = seconds * CLOUD_DRIFT;
    for (let x = 0; x < width; x++) {
      if ((nearest[x] ?? 0) >= 0) continue;
      const distance = Math.sqrt((x - sunX) * (x - sunX) + (y - sunAt) * (y - sunAt));
      const glow = 1 / (1 + (distance / (span * 0.17)) ** 2);
      const drift = clouds.at((x / span) * 1.6 + drifted, (y / span) * 7) * 0.06;
      putTone(palette.ramp, tone + drift + glow * 0.2, out, x * 3);
      if (distance < radius + 0.5) blendTone(palette.ramp, 0.995, clamp01(radius - distance + 0.5), out, x * 3);
      lighten(out, x * 3, glow * 14);
    }
  };
}
