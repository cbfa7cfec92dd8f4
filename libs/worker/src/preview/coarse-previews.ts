import { LIVE_PREVIEW_INTERVAL_MS } from '#contracts/limits.js';
import type { EngineIdentity, EngineOutputRequest, EnginePreview, EngineRequest } from '../engine.js';
import { SOFTWARE } from '../finished-output.js';
import type { PictureSize } from '../picture-check.js';
import { type PixelRows, type SmallPicture, shrunk } from '../pixels.js';
import { encodeWebp } from '../webp.js';
import { Caption } from './caption.js';
import { runPaced } from './paced.js';
import { compositionOf, type FinishedRows } from './picture.js';
import type { Typefaces } from './text/typefaces.js';

const MAX_WIDTH = 256;
/** Pixels across a cell while the first, the second and the last third of an output is made. */
const CELLS = [16, 8, 4];

/** What previews are made for, and with. */
interface CoarseParts {
  readonly request: EngineRequest;
  readonly typefaces: Typefaces;
  readonly identity: EngineIdentity;
  readonly onPreview: (preview: EnginePreview) => void;
  readonly signal: AbortSignal;
}

/** Shows once a second what a run is making: in coarse cells at first, in finer ones the more is done. */
export class CoarsePreviews {
  private readonly size: PictureSize;
  private caption: Caption | undefined;
  private shownAt = performance.now();

  constructor(private readonly parts: CoarseParts) {
    const { width, height } = parts.request;
    const across = Math.min(width, MAX_WIDTH);
    this.size = { width: across, height: Math.max(1, Math.round((height * across) / width)) };
  }

  /** An output counts 1: 2.5 means that two are done and the third is half done. */
  async show(outputsDone: number): Promise<void> {
    const output = this.parts.request.outputs[Math.floor(outputsDone)];
    if (!output || performance.now() - this.shownAt < LIVE_PREVIEW_INTERVAL_MS) return;
    const preview = await this.previewOf(output, outputsDone % 1);
    this.shownAt = performance.now();
    this.parts.onPreview(preview);
  }

  /** `done` is the share of the output that is, 0 to 1. A video is shown as it is at that share of its time. */
  private async previewOf({ index, seed }: EngineOutputRequest, done: number): Promise<EnginePreview> {
    const { size, parts } = this;
    const { prompt, video } = parts.request;
    const cell = CELLS[Math.floor(done * CELLS.length)] ?? 1;
    const seconds = video ? video.frames / video.fps : 0;
    const composition = await runPaced(compositionOf({ prompt, seed, ...size }, undefined, seconds), parts.signal);
    const rows = await runPaced(composition(done * seconds), parts.signal);
    this.caption ??= await Caption.of(prompt, size, parts.typefaces);
    const cells = shrunk(pixelsOf(rows, size), Math.ceil(size.width / cell));
    const rgba = enlarged(cells, size, this.caption);
    const bytes = await encodeWebp({ ...size, rgba }, { identity: parts.identity, software: SOFTWARE });
    return { index, bytes, mediaType: 'image/webp', ...size };
  }
}

function pixelsOf(rows: FinishedRows, { width, height }: PictureSize): PixelRows {
  const row = new Uint8Array(width * 3);
  const eachRow = (visit: (row: Uint8Array) => void) => {
    for (let y = 0; y < height; y++) {
      rows(y, row);
      visit(row);
    }
  };
  return { width, height, eachRow };
}

/** Each of the small pixels as a cell, and the caption over them. */
function enlarged(cells: SmallPicture, { width, height }: PictureSize, caption: Caption) {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  const line = new Float32Array(width * 3);
  for (let y = 0; y < height; y++) {
    const start = Math.floor((y * cells.height) / height) * cells.width;
    for (let x = 0; x < width; x++) {
      const at = (start + Math.floor((x * cells.width) / width)) * 4;
      line.set(cells.rgba.subarray(at, at + 3), x * 3);
    }
    caption.paintRow(y, line);
    for (let x = 0; x < width; x++) rgba.set(line.subarray(x * 3, x * 3 + 3), (y * width + x) * 4);
  }
  return rgba;
}
