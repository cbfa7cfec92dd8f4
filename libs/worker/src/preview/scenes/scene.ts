import type { Paced } from '../paced.js';
import { type Palette, RAMP_STEPS } from '../palette.js';
import type { SeededRandom } from '../seeded-random.js';

/** Writes row `y` as red, green, blue per pixel, 0 to 255, not rounded; values outside are clipped later. */
export type RowPainter = (y: number, out: Float32Array) => void;

/** A composition that moves. */
export interface Scene {
  /** The composition at a time, in seconds from 0, ready to be read: rows may be asked for in any order. */
  at(seconds: number): Paced<RowPainter>;
}

/** What a scene is composed from. Sizes in pixels. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** How long the scene is looked at: 0 for a picture. */
  readonly seconds: number;
  readonly palette: Palette;
  readonly random: SeededRandom;
}

export type SceneMaker = (canvas: Canvas) => Paced<Scene>;

/** Writes the palette's colour of a tone (0 dark to 1 light) to `out[at]` and the two behind it. */
export function putTone(ramp: Float32Array, tone: number, out: Float32Array, at: number): void {
  const step = Math.max(0, Math.min(RAMP_STEPS - 1, (tone * RAMP_STEPS) | 0)) * 3;
  out[at] = ramp[step] ?? 0;
  out[at + 1] = ramp[step + 1] ?? 0;
  out[at + 2] = ramp[step + 2] ?? 0;
}

/** Multiplies a pixel. */
export function shade(out: Float32Array, at: number, factor: number): void {
  out[at] = (out[at] ?? 0) * factor;
  out[at + 1] = (out[at + 1] ?? 0) * factor;
  out[at + 2] = (out[at + 2] ?? 0) * factor;
}

/** Adds white light to a pixel, in steps of 255. */
export function lighten(out: Float32Array, at: number, light: number): void {
  out[at] = (out[at] ?? 0) + light;
  out[at + 1] = (out[at + 1] ?? 0) + light;
  out[at + 2] = (out[at + 2] ?? 0) + light;
}

/** Mixes the palette's colour of a tone over a pixel. */
export function blendTone(ramp: Float32Array, tone: number, share: number, out: Float32Array, at: number): void {
  const step = Math.max(0, Math.min(RAMP_STEPS - 1, (tone * RAMP_STEPS) | 0)) * 3;
  for (let channel = 0; channel < 3; channel++) {
    const under = out[at + channel] ?? 0;
    out[at + channel] = under + ((ramp[step + channel] ?? 0) - under) * share;
  }
}

export function clamp01(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

/** 0 below `from`, 1 above `to`, without a kink between them. */
export function smoothstep(from: number, to: number, value: number): number {
  const t = clamp01((value - from) / (to - from));
  return t * t * (3 - 2 * t);
}
