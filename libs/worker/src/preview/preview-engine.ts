import { setTimeout } from 'node:timers/promises';
import type { Engine, EngineCallbacks, EngineIdentity, EngineProgress, EngineRequest } from '../engine.js';
import { abortable } from './abortable.js';
import { BenchmarkPictures } from './benchmark-picture.js';
import { Caption } from './caption.js';
import { renderPicture } from './picture.js';
import { loadTypefaces, type Typefaces } from './text/typefaces.js';

export interface PreviewOptions {
  /**
   * How long a run takes, in milliseconds, whatever its number of outputs; each output is handed over at the end of its
   * share. 0: no waiting at all, and pictures that cost next to nothing (`BenchmarkPictures`).
   */
  readonly durationMs: number;
}

/** Raise it when the same request would make other pixels. */
const PREVIEW_VERSION = '1.0.0';

/**
 * The engine that needs neither GPU nor weights. It paints abstract pictures that follow from prompt, seed and size,
 * says PREVIEW on every one of them, and behaves like a real engine in time, progress and cancelling.
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
  private benchmark: BenchmarkPictures | undefined;

  constructor(private readonly options: PreviewOptions) {}

  /** Rejects when the fonts that belong to the installation cannot be read. */
  async setup(signal: AbortSignal): Promise<void> {
    this.typefaces = await abortable(loadTypefaces(), signal);
    this.benchmark = new BenchmarkPictures(this.typefaces);
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
    const pace = new RunPace(request, callbacks, this.options.durationMs, signal);
    pace.report('loading', 0);
    const draw = await this.painterFor(request, signal);
    for (const [position, output] of request.outputs.entries()) {
      pace.report('generating', position);
      const bytes = await draw(output.seed);
      await pace.stepThrough(position);
      const { width, height } = request;
      await abortable(callbacks.onOutput({ ...output, bytes, mediaType: 'image/png', width, height }), signal);
    }
    pace.report('decoding', request.outputs.length);
  }

  private async painterFor(request: EngineRequest, signal: AbortSignal): Promise<Painter> {
    const { typefaces, benchmark } = this;
    if (!typefaces || !benchmark) throw new Error('the preview engine is used before setup() or after close()');
    const { prompt, width, height } = request;
    if (this.options.durationMs === 0) return async (seed) => benchmark.picture({ prompt, seed, width, height });
    const caption = await Caption.of(prompt, { width, height }, typefaces);
    return (seed) => renderPicture({ prompt, seed, width, height }, caption, signal);
  }
}

type Painter = (seed: number) => Promise<Uint8Array>;

/** Spreads a run's progress over its time. An output counts 1: 2.5 means two are done and the third is half done. */
class RunPace {
  private readonly startedAt = performance.now();
  private readonly ticks: number;

  constructor(
    private readonly request: EngineRequest,
    private readonly callbacks: EngineCallbacks,
    private readonly durationMs: number,
    private readonly signal: AbortSignal,
  ) {
    this.ticks = Math.max(1, Math.ceil(request.steps / request.outputs.length));
  }

  report(stage: EngineProgress['stage'], outputsDone: number): void {
    const { outputs, steps } = this.request;
    const share = outputs.length === 0 ? 1 : outputsDone / outputs.length;
    this.callbacks.onProgress({ stage, percent: 100 * share, step: Math.floor(steps * share), steps });
  }

  /** Waits until the share of the output at `position` is over, and reports each step on the way. */
  async stepThrough(position: number): Promise<void> {
    if (this.durationMs === 0) return this.signal.throwIfAborted();
    for (let tick = 1; tick < this.ticks; tick++) {
      await this.until(position + tick / this.ticks);
      this.report('generating', position + tick / this.ticks);
    }
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
