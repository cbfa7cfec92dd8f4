import { setTimeout } from 'node:timers/promises';
import type { Engine, EngineCallbacks, EngineIdentity, EngineProgress, EngineRequest } from '../engine.js';
import { abortable } from './abortable.js';
import { BenchmarkPictures } from './benchmark-picture.js';
import { BenchmarkVideos } from './benchmark-video.js';
import { Caption } from './caption.js';
import { CoarsePreviews } from './coarse-previews.js';
import { renderPicture } from './picture.js';
import { loadTypefaces, type Typefaces } from './text/typefaces.js';
import { movingPicture, renderVideo } from './video.js';

export interface PreviewOptions {
  /**
   * How long a run takes, in milliseconds, whatever its number of outputs; each output is handed over at the end of its
   * share; a video takes the time that it needs when that is more. 0: no waiting at all, no previews, and outputs that
   * cost next to nothing (`BenchmarkPictures`, `BenchmarkVideos`).
   */
  readonly durationMs: number;
}

/** Raise it when the same request would make other pixels. */
const PREVIEW_VERSION = '1.1.0';

/**
 * The engine that needs neither GPU nor weights. It paints abstract pictures, still or moving, that follow from prompt,
 * seed and size, says PREVIEW on every one of them, and behaves like a real engine in time, progress and cancelling.
 */
export function createPreviewEngine(options: PreviewOptions): Engine {
  return new PreviewEngine(options);
}

class PreviewEngine implements Engine {
  readonly identity: EngineIdentity = {
    engine: 'preview',
    model: 'preview',
    version: PREVIEW_VERSION,
    device: 'cpu',
  };
  private typefaces: Typefaces | undefined;
  private benchmark: { readonly pictures: BenchmarkPictures; readonly videos: BenchmarkVideos } | undefined;

  constructor(private readonly options: PreviewOptions) {}

  /** Rejects when the fonts that belong to the installation cannot be read. */
  async setup(signal: AbortSignal): Promise<void> {
    this.typefaces = await abortable(loadTypefaces(), signal);
    const { typefaces } = this;
    this.benchmark = { pictures: new BenchmarkPictures(typefaces), videos: new BenchmarkVideos(typefaces) };
  }

  async run(request: EngineRequest, callbacks: EngineCallbacks, signal: AbortSignal): Promise<void> {
    try {
      await this.makeOutputs(request, callbacks, signal);
    } catch (error) {
      // Timers and streams reject with an AbortError of their own; the caller is promised its own reason.
      signal.throwIfAborted();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.typefaces = undefined;
    this.benchmark = undefined;
  }

  private async makeOutputs(request: EngineRequest, callbacks: EngineCallbacks, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { typefaces } = this.ready();
    const { identity, options } = this;
    const previews = new CoarsePreviews({ request, typefaces, identity, onPreview: callbacks.onPreview, signal });
    const pace = new RunPace(request, { callbacks, previews }, options.durationMs, signal);
    pace.report('loading', 0);
    const make = await this.makerFor(request, signal);
    const mediaType = request.video ? 'video/mp4' : 'image/png';
    const { width, height } = request;
    for (const [position, output] of request.outputs.entries()) {
      pace.report('generating', position);
      const bytes = await make(output.seed, pace, position);
      await abortable(callbacks.onOutput({ ...output, bytes, mediaType, width, height }), signal);
    }
    pace.report('decoding', request.outputs.length);
  }

  private makerFor(request: EngineRequest, signal: AbortSignal): Promise<Maker> {
    return request.video ? this.videoMaker(request, request.video, signal) : this.pictureMaker(request, signal);
  }

  private async pictureMaker({ prompt, width, height }: EngineRequest, signal: AbortSignal): Promise<Maker> {
    const { typefaces, benchmark } = this.ready();
    const { durationMs } = this.options;
    const caption = durationMs === 0 ? undefined : await Caption.of(prompt, { width, height }, typefaces);
    return async (seed, pace, position) => {
      const picture = { prompt, seed, width, height };
      const bytes = caption ? await renderPicture(picture, caption, signal) : benchmark.pictures.picture(picture);
      await pace.stepThrough(position);
      return bytes;
    };
  }

  private async videoMaker(
    { prompt, width, height }: EngineRequest,
    { frames, fps }: NonNullable<EngineRequest['video']>,
    signal: AbortSignal,
  ): Promise<Maker> {
    const { typefaces, benchmark } = this.ready();
    const shape = { width, height, frames, fps };
    if (this.options.durationMs === 0) return () => benchmark.videos.video(shape, signal);
    const caption = await Caption.of(prompt, shape, typefaces);
    return async (seed, pace, position) => {
      const source = await movingPicture({ ...shape, prompt, seed }, caption, signal);
      return renderVideo(shape, source, { signal, onFrame: (done) => pace.reach(position + done / frames) });
    };
  }

  private ready() {
    const { typefaces, benchmark } = this;
    if (!typefaces || !benchmark) throw new Error('the preview engine is used before setup() or after close()');
    return { typefaces, benchmark };
  }
}

/** Makes the output at a position of its request, in its time. */
type Maker = (seed: number, pace: RunPace, position: number) => Promise<Uint8Array>;

/** Spreads a run's progress over its time. An output counts 1: 2.5 means two are done and the third is half done. */
class RunPace {
  private readonly startedAt = performance.now();
  private readonly ticks: number;

  constructor(
    private readonly request: EngineRequest,
    private readonly told: { readonly callbacks: EngineCallbacks; readonly previews: CoarsePreviews },
    private readonly durationMs: number,
    private readonly signal: AbortSignal,
  ) {
    this.ticks = Math.max(1, Math.ceil(request.steps / request.outputs.length));
  }

  report(stage: EngineProgress['stage'], outputsDone: number): void {
    const { outputs, steps } = this.request;
    const share = outputs.length === 0 ? 1 : outputsDone / outputs.length;
    this.told.callbacks.onProgress({ stage, percent: 100 * share, step: Math.floor(steps * share), steps });
  }

  /** Waits until so much is due, reports it, and shows it now and then. */
  async reach(outputsDone: number): Promise<void> {
    await this.until(outputsDone);
    this.report('generating', outputsDone);
    await this.told.previews.show(outputsDone);
  }

  /** Waits until the share of the output at `position` is over, and reports each step on the way. */
  async stepThrough(position: number): Promise<void> {
    if (this.durationMs === 0) return this.signal.throwIfAborted();
    for (let tick = 1; tick < this.ticks; tick++) await this.reach(position + tick / this.ticks);
    await this.until(position + 1);
  }

  /** Deadlines count from the start of the run, so that slow storage does not add to them. */
  private async until(outputsDone: number): Promise<void> {
    const dueAt = this.startedAt + (this.durationMs * outputsDone) / this.request.outputs.length;
    const wait = dueAt - performance.now();
    if (wait > 0) await setTimeout(wait, undefined, { signal: this.signal });
    this.signal.throwIfAborted();
  }
}
