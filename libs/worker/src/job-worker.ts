/** One slot of a worker: takes a job, runs its attempts through the engine, and answers what becomes of the message. */
import { foldJob, type Job, type ProcessingJob } from '#contracts/domain/job.js';
import { type Failure, failJob, takeUpJob } from '#contracts/domain/job-decisions.js';
import type { JobFailureCode } from '#contracts/http/error-codes.js';
import { MAX_DELIVERIES } from '#contracts/limits.js';
import type { Delivery } from '#eventing/delivery.js';
import { isOutage } from '#eventing/errors.js';
import { done, type Handled, reject, retryAfter } from '#eventing/handled.js';
import { AttemptEnd, type AttemptPorts, runAttempt } from './attempt.js';
import { EngineError } from './engine.js';
import { deleteUntold } from './output-files.js';
import { StopReason } from './stop-reason.js';
import { UploadError } from './upload.js';

/** What may be said to a running job: the drain of its process. Cancelling reaches the attempt by itself. */
export interface SlotSignals {
  /** Aborts when the job in hand must be given back at once. */
  readonly handBack: AbortSignal;
}

const RETRY_MS = { first: 2_000, most: 30_000 };

export class JobWorker {
  constructor(
    private readonly ports: AttemptPorts,
    private readonly signals: SlotSignals,
  ) {}

  /** Ends with the message done once the job's outcome is stored, however it came about. */
  async handle(delivery: Delivery): Promise<Handled> {
    const event = delivery.event();
    if (event?.type !== 'JobRequested' && event?.type !== 'PromptEnhanced')
      return reject('not an event that starts work');
    const job = await this.start(event.data.jobId, delivery);
    if (!job) return done();
    return this.attempt(job, delivery);
  }

  /** Stores the start before the engine is touched: the guard catches a job that was cancelled or has ended. */
  private async start(jobId: string, delivery: Delivery): Promise<ProcessingJob | undefined> {
    const by = { worker: this.ports.workerId, engine: this.ports.engine.identity };
    const known = delivery.deliveryCount === 1 ? freshJob(delivery) : undefined;
    const options = { known, traceparent: delivery.traceparent };
    const result = await this.ports.store.execute(jobId, (job) => takeUpJob(job, by), options);
    // An earlier attempt may have died with a file half written, or whole and not told.
    if (delivery.deliveryCount > 1 && result.job) await deleteUntold(this.ports.assets, result.job, this.ports.log);
    return result.job?.status === 'processing' && result.outcome === 'appended' ? result.job : undefined;
  }

  private async attempt(job: ProcessingJob, delivery: Delivery): Promise<Handled> {
    try {
      await runAttempt(this.ports, job, this.signals.handBack, delivery.traceparent);
      return done();
    } catch (error) {
      return this.afterFailure(job, error, delivery);
    }
  }

  private async afterFailure(job: ProcessingJob, error: unknown, delivery: Delivery): Promise<Handled> {
    if (error instanceof AttemptEnd) return done();
    // The pull loop keeps the message and tries again.
    if (isOutage(error)) throw error;
    if (error instanceof StopReason && error.kind === 'draining') return retryAfter(0);
    const failure = failureOf(error);
    const { attempt } = job.started;
    this.ports.log.warn({ err: error, jobId: job.requested.jobId, attempt, code: failure.code }, 'attempt failed');
    const again =
      failure.retryable && failure.code !== 'generation_timeout' && attempt < MAX_DELIVERIES && !delivery.isLast;
    if (again) return retryAfter(Math.min(RETRY_MS.first * 2 ** (attempt - 1), RETRY_MS.most));
    const fail = (current: Job | undefined) => failJob(current, failure, attempt);
    const { traceparent } = delivery;
    const result = await this.ports.store.execute(job.requested.jobId, fail, { traceparent });
    if (result.job) await deleteUntold(this.ports.assets, result.job, this.ports.log);
    return done();
  }
}

/** A first delivery of a request is the whole job: no need to read it. */
function freshJob(delivery: Delivery): Job | undefined {
  const event = delivery.event();
  return event?.type === 'JobRequested' ? foldJob([event]) : undefined;
}

function failureOf(error: unknown): Failure {
  if (error instanceof EngineError) return { code: error.code, message: error.message, retryable: error.retryable };
  if (error instanceof UploadError) return failure('storage_failed', error.message, true);
  if (error instanceof StopReason) return failure('generation_timeout', error.message, true);
  return failure('engine_failed', error instanceof Error ? error.message : 'the engine failed', true);
}

function failure(code: JobFailureCode, message: string, retryable: boolean): Failure {
  return { code, message, retryable };
}
