import type { PictureSize } from '../picture-check.js';
import type { Caption } from './caption.js';
import { type Paced, runPaced } from './paced.js';
import { paletteOf } from './palette.js';
import { encodePng } from './png-writer.js';
import { currentsScene } from './scenes/currents.js';
import { foldsScene } from './scenes/folds.js';
import { paperScene } from './scenes/paper.js';
import { planetScene } from './scenes/planet.js';
import { ridgesScene } from './scenes/ridges.js';
import type { RowPainter, SceneMaker } from './scenes/scene.js';
import { hashPair, hashText, SeededRandom } from './seeded-random.js';

const SCENES: readonly SceneMaker[] = [ridgesScene, foldsScene, paperScene, planetScene, currentsScene];

/** What a picture follows from; sizes in pixels, `seed` 0 to 2^32 - 1. */
export interface PictureRequest extends PictureSize {
  readonly prompt: string;
  readonly seed: number;
}

/** Paints a picture and encodes it as PNG. Rejects soon after the signal is aborted. */
export async function renderPicture(request: PictureRequest, caption: Caption, signal: AbortSignal): Promise<Buffer> {
  const composition = await runPaced(compositionOf(request, caption, 0), signal);
  return encodePng(request, await runPaced(composition(0), signal), signal);
}

/** Writes red, green, blue per pixel of row `y`, 0 to 255. */
export type FinishedRows = (y: number, out: Uint8Array) => void;

/**
 * What is looked at for so many seconds, at any time of them. The prompt chooses the colours, the seed the composition;
 * consecutive seeds get different kinds of scenes.
 */
export function* compositionOf(
  { prompt, seed, width, height }: PictureRequest,
  caption: Caption | undefined,
  seconds: number,
): Paced<(at: number) => Paced<FinishedRows>> {
  const promptHash = hashText(prompt);
  const random = new SeededRandom(hashPair(promptHash, seed));
  const make = SCENES[(promptHash + seed) % SCENES.length] ?? foldsScene;
  const scene = yield* make({ width, height, seconds, palette: paletteOf(prompt), random });
  const finish = finisherOf({ width, height }, caption, grainOf(seed));
  return function* (at) {
    return finish(yield* scene.at(at));
  };
}

/** Peak of the film grain, of 255: hides the steps of 8-bit gradients without making the file large. */
const GRAIN = 1.6;

/** How much darker the corners are. */
const VIGNETTE = 0.2;

/** Puts vignette, caption and grain over a scene's rows, rounded to bytes. */
function finisherOf({ width, height }: PictureSize, caption: Caption | undefined, grain: Float32Array) {
  const colours = new Float32Array(width * 3);
  return (paintRow: RowPainter) => (y: number, out: Uint8Array) => {
    paintRow(y, colours);
    darkenCorners(colours, (2 * y) / height - 1);
    caption?.paintRow(y, colours);
    // Another stretch of the grain for every row, so that it forms no pattern.
    addGrain(colours, grain, Math.imul(y + 1, 0x9e3779b1) >>> 16, out);
  };
}

function darkenCorners(row: Float32Array, dy: number): void {
  const step = 6 / row.length;
  for (let at = 0, dx = -1; at < row.length; at += 3, dx += step) {
    const distance = (dx * dx + dy * dy) / 2;
    const factor = 1 - VIGNETTE * distance * distance;
    row[at] = (row[at] ?? 0) * factor;
    row[at + 1] = (row[at + 1] ?? 0) * factor;
    row[at + 2] = (row[at + 2] ?? 0) * factor;
  }
}

function addGrain(row: Float32Array, grain: Float32Array, start: number, out: Uint8Array): void {
  for (let at = 0, speck = start; at < row.length; at += 3, speck++) {
    const noise = (grain[speck & GRAIN_MASK] ?? 0) + 0.5;
    out[at] = byte((row[at] ?? 0) + noise);
    out[at + 1] = byte((row[at + 1] ?? 0) + noise);
    out[at + 2] = byte((row[at + 2] ?? 0) + noise);
  }
}

function byte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

const GRAIN_MASK = 0x3fff;

function grainOf(seed: number): Float32Array {
  const random = new SeededRandom(seed);
  return Float32Array.from(
    { length: GRAIN_MASK + 1 },
    () => GRAIN * (random.between(-0.5, 0.5) + random.between(-0.5, 0.5)),
  );
}
