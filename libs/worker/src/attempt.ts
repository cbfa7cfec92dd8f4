/** One attempt of a job: the engine makes what is missing, each output is checked, marked, stored and told. */
import type { FileAssetStore } from '#asset-store/file-asset-store.js';
import { isEnded, type Job, type ProcessingJob } from '#contracts/domain/job.js';
import { completeJob, type Decision, storeAsset } from '#contracts/domain/job-decisions.js';
import type { JobTimings, MissingOutput } from '#contracts/events/job-events.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import type { JobFailureCode } from '#contracts/http/error-codes.js';
import { GENERATION_TIMEOUT_MS } from '#contracts/limits.js';
import type { ProgressMessage } from '#contracts/progress.js';
import { type CancellationPorts, whenCancelled } from './cancellation.js';
import { type Engine, EngineError, type EngineOutput, type EnginePreview, type EngineRequest } from './engine.js';
import { engineRequest } from './engine-request.js';
import { type FinishedOutput, finishOutput, SOFTWARE, storedAsset } from './finished-output.js';
import { type LivePreviewPorts, LivePreviews } from './live-previews.js';
import { deleteUntold, outputKey } from './output-files.js';
import { storePreview } from './output-preview.js';
import { ProgressReporter } from './progress-reporter.js';
import { StopReason } from './stop-reason.js';
import { upload } from './upload.js';

/** What an attempt works with. */
export interface AttemptPorts extends CancellationPorts, LivePreviewPorts {
  readonly workerId: string;
  readonly engine: Engine;
  readonly assets: FileAssetStore;
  /** Turns an asset's key into its canonical address. */
  readonly urlOf: (key: string) => string;
  readonly sendProgress: (progress: ProgressMessage) => void;
}

/** Somebody else decided the job: cancelled, failed by a deadline, or taken over by a later attempt. */
export class AttemptEnd extends Error {
  override readonly name = 'AttemptEnd';

  constructor(
    message: string,
    /** As it is now. */
    readonly job: Job | undefined,
  ) {
    super(message);
  }
}

/** Resolves when the job is completed. Rejects with `AttemptEnd`, `StopReason`, `EngineError` or `UploadError`. */
export async function runAttempt(
  ports: AttemptPorts,
  job: ProcessingJob,
  handBack: AbortSignal,
  traceparent?: string,
): Promise<void> {
  const attempt = new Attempt(ports, job, traceparent);
  const { jobId } = job.requested;
  const onHandBack = () => attempt.stop(new StopReason('draining', 'the worker is stopping'));
  const stopListening = whenCancelled(ports, jobId, (now) => attempt.stop(new AttemptEnd('cancelled', now)));
  handBack.addEventListener('abort', onHandBack);
  if (handBack.aborted) onHandBack();
  try {
    await attempt.run();
  } finally {
    handBack.removeEventListener('abort', onHandBack);
    stopListening();
    attempt.close();
  }
}

class Attempt {
  private readonly controller = new AbortController();
  private readonly missing: MissingOutput[] = [];
  private readonly progress: ProgressReporter;
  private readonly previews: LivePreviews;
  private readonly beganAt = Date.now();
  private storedMs = 0;
  /** Until the engine told of something else than of loading. */
  private loadedMs: number | undefined;
  /** The job as this attempt last saw it. */
  private job: Job;

  constructor(
    private readonly ports: AttemptPorts,
    private readonly begun: ProcessingJob,
    private readonly traceparent?: string,
  ) {
    this.job = begun;
    const { jobId, attempt } = begun.started;
    this.progress = new ProgressReporter({ jobId, attempt }, ports.sendProgress);
    this.previews = new LivePreviews({ jobId, attempt }, ports);
  }

  async run(): Promise<void> {
    const request = engineRequest(this.begun);
    if (request.outputs.length > 0) await this.generate(request);
    await this.complete();
  }

  stop(reason: Error): void {
    this.controller.abort(reason);
  }

  close(): void {
    this.progress.close();
  }

  private async generate(request: EngineRequest): Promise<void> {
    const deadline = setTimeout(() => this.stop(timeout()), GENERATION_TIMEOUT_MS);
    const done = this.begun.requested.seeds.length - request.outputs.length;
    const share = (percent: number) =>
      (done * 100 + percent * request.outputs.length) / this.begun.requested.seeds.length;
    const callbacks = {
      onProgress: (progress: { percent: number; stage: ProgressMessage['stage']; step: number; steps: number }) => {
        if (progress.stage !== 'loading') this.loadedMs ??= Date.now() - this.beganAt;
        this.progress.report({ ...progress, percent: Math.min(99, Math.floor(share(progress.percent))) });
      },
      onPreview: (preview: EnginePreview) => this.previews.show(preview),
      onOutput: (output: EngineOutput) => this.take(output, request),
      onOutputFailed: (failure: MissingOutput) => this.miss(failure.index, failure.reason),
    };
    try {
      await this.ports.engine.run(request, callbacks, this.controller.signal);
    } finally {
      clearTimeout(deadline);
    }
  }

  /** A black, broken or oversized output is a failure of that output, not of the others. */
  private async take(output: EngineOutput, request: EngineRequest): Promise<void> {
    const finished = await finishOutput(
      { job: this.begun, output, request },
      this.ports.engine.identity,
      this.ports.log,
    );
    if (finished.ok) await this.keep(output, finished);
    else this.miss(output.index, finished.reason);
  }

  private async keep(output: EngineOutput, { bytes, durationSeconds, pixels }: FinishedOutput): Promise<void> {
    const startedAt = Date.now();
    const { assets, log, engine } = this.ports;
    const key = outputKey(this.begun, output.index);
    const stored = await upload(assets, key, bytes, { log, signal: this.controller.signal });
    const by = { identity: engine.identity, software: SOFTWARE };
    const preview = pixels && (await storePreview(key, pixels, by, { assets, log }));
    const asset = storedAsset(this.begun, output, { key, ...stored, durationSeconds, preview });
    await this.tell(asset);
    this.storedMs += Date.now() - startedAt;
  }

  /** A file that came too late for its job may not stay: nobody would ever know of it. */
  private async tell(asset: StoredAsset): Promise<void> {
    try {
      await this.append((job) => storeAsset(job, this.begun.started.attempt, asset));
    } catch (error) {
      if (error instanceof AttemptEnd && error.job && isEnded(error.job))
        await deleteUntold(this.ports.assets, error.job, this.ports.log);
      throw error;
    }
  }

  private async complete(): Promise<void> {
    const { attempt } = this.begun.started;
    const { engine, urlOf } = this.ports;
    if (this.job.assets.length === 0) throw noOutput(this.missing);
    const completion = { attempt, timings: this.timings(), engine: engine.identity, missing: this.missing, urlOf };
    await this.append((job) => completeJob(job, completion));
  }

  private async append(decide: (job: Job | undefined) => Decision): Promise<void> {
    const { jobId } = this.begun.requested;
    const options = { known: this.job, traceparent: this.traceparent };
    const result = await this.ports.store.execute(jobId, decide, options);
    if (result.outcome === 'refused') throw new AttemptEnd(result.reason, result.job);
    this.job = result.job;
  }

  private miss(index: number, reason: string): void {
    this.ports.log.warn({ jobId: this.begun.requested.jobId, index, reason }, 'an output is not usable');
    this.missing.push({ index, reason });
  }

  private timings(): JobTimings {
    const waitedMs = Math.max(0, Date.parse(this.begun.startedAt) - Date.parse(this.begun.requestedAt));
    const { storedMs, loadedMs } = this;
    return { waitedMs, generatedMs: Math.max(0, Date.now() - this.beganAt - storedMs), loadedMs, storedMs };
  }
}

function timeout(): StopReason {
  return new StopReason('timeout', `not done after ${GENERATION_TIMEOUT_MS / 60_000} minutes`);
}

function noOutput(missing: readonly MissingOutput[]): EngineError {
  const code: JobFailureCode = 'no_valid_output';
  const [first] = missing;
  return new EngineError(code, first ? `no usable output: ${first.reason}` : 'the engine made nothing', false);
}
