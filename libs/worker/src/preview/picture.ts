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
import type { Scene, SceneMaker } from './scenes/scene.js';
import { hashPair, hashText, SeededRandom } from './seeded-random.js';

const SCENES: readonly SceneMaker[] = [ridgesScene, foldsScene, paperScene, planetScene, currentsScene];

/** What a picture follows from; sizes in pixels, `seed` 0 to 2^32 - 1. */
export interface PictureRequest extends PictureSize {
  readonly prompt: string;
  readonly seed: number;
}

/**
 * Paints a picture and encodes it as PNG. The prompt chooses the colours, the seed the composition; consecutive seeds
 * get different kinds of scenes. Rejects soon after the signal is aborted.
 */
export async function renderPicture(request: PictureRequest, caption: Caption, signal: AbortSignal): Promise<Buffer> {
  const scene = await runPaced(sceneOf(request), signal);
  return encodePng(request, finishedRows(request, scene, caption), signal);
}

function sceneOf({ prompt, seed, width, height }: PictureRequest): Paced<Scene> {
  const promptHash = hashText(prompt);
  const random = new SeededRandom(hashPair(promptHash, seed));
  const make = SCENES[(promptHash + seed) % SCENES.length] ?? foldsScene;
  return make({ width, height, palette: paletteOf(prompt), random });
}

/** Peak of the film grain, of 255: hides the steps of 8-bit gradients without making the file large. */
const GRAIN = 1.6;

/** How much darker the corners are. */
const VIGNETTE = 0.2;

/** Scene, vignette, caption and grain of one row, rounded to bytes. */
function finishedRows({ width, height, seed }: PictureRequest, scene: Scene, caption: Caption) {
  const colours = new Float32Array(width * 3);
  const grain = grainOf(seed);
  return (y: number, out: Uint8Array): void => {
    scene.paintRow(y, colours);
    darkenCorners(colours, (2 * y) / height - 1);
    caption.paintRow(y, colours);
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
