import type { VideoShape } from '../engine.js';
import { drawBareLabel } from './caption.js';
import { Coverage } from './text/coverage.js';
import type { Typefaces } from './text/typefaces.js';
import { type FrameSource, renderVideo } from './video.js';

/** Shapes whose file is kept; a benchmark asks for one or two. */
const MOST_SHAPES = 4;

/** Rows by which the word moves from frame to frame. */
const PACE = 4;

/**
 * Videos for benchmarks and tests of the platform: whole files in which the word PREVIEW wanders up, grey on grey. All of
 * one shape are the same file, made once; what tells them apart is the mark that the worker puts into each.
 */
export class BenchmarkVideos {
  private readonly files = new Map<string, Buffer>();

  constructor(private readonly typefaces: Typefaces) {}

  async video(shape: VideoShape, signal: AbortSignal): Promise<Buffer> {
    const key = JSON.stringify(shape);
    const kept = this.files.get(key);
    if (kept) return kept;
    const [oldest] = this.files.keys();
    if (this.files.size >= MOST_SHAPES && oldest) this.files.delete(oldest);
    const file = await renderVideo(shape, this.wandering(shape), { signal, onFrame: async () => {} });
    this.files.set(key, file);
    return file;
  }

  private wandering({ width, height }: VideoShape): FrameSource {
    const label = new Coverage(width, height);
    drawBareLabel(label, Math.min(width / 7, height / 2), this.typefaces);
    const grey = Uint8Array.from(label.alpha, (alpha) => 48 + (alpha * 3) / 4);
    const rgb = Uint8Array.from({ length: grey.length * 3 }, (_, at) => grey[Math.floor(at / 3)] ?? 0);
    return function* (frame) {
      return (y, out) => {
        const line = (y + frame * PACE) % height;
        out.set(rgb.subarray(line * width * 3, (line + 1) * width * 3));
      };
    };
  }
}
