/** A job in the hands of an outside worker: its message is kept alive until the job ends or the worker is silent for too long. */
import { isEnded, type ProcessingJob } from '#contracts/domain/job.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import type { Bus } from '#eventing/bus.js';
import type { Delivery } from '#eventing/delivery.js';
import { done, type Handled, retryAfter } from '#eventing/handled.js';
import type { JobStore } from '#eventing/job-store.js';
import { onRelease, watchJob, watchProgress } from '#eventing/live.js';

/** Signs of life within one `ack_wait`: two of them may get lost. */
const SIGNS_OF_LIFE = 3;

export interface LeaseSurroundings {
  readonly bus: Bus;
  readonly store: JobStore;
  /** The silence after which the job goes to another worker. */
  readonly leaseMs: number;
  /** Called at every sign of life to the server, to tell the others of the worker too. */
  readonly onAlive: () => void;
  /** Called once. */
  readonly onOver: () => void;
}

/**
 * What the worker says reaches any instance of jobs; the one with the lease hears of it as everybody does: by what is
 * stored and by the progress that is sent.
 */
export class Lease {
  /** Resolves when nothing that happens to the job is missed any more. */
  readonly watching: Promise<void>;
  private isOver = false;
  private silence: NodeJS.Timeout | undefined;
  private readonly alive: NodeJS.Timeout;
  private readonly stops: readonly (() => void)[];

  constructor(
    private readonly around: LeaseSurroundings,
    private readonly delivery: Delivery,
    private readonly job: ProcessingJob,
  ) {
    const { bus } = around;
    const { jobId, attempt } = job.started;
    const live = watchJob(bus, jobId, (event) => this.onEvent(event));
    this.watching = live.subscribed;
    this.stops = [
      () => live.close(),
      watchProgress(bus, jobId, (progress) => progress.attempt === attempt && this.extend()),
      onRelease(bus, jobId, (released) => released === attempt && void this.handBack()),
    ];
    this.alive = setInterval(() => this.showLife(), delivery.consumer.ackWaitMs / SIGNS_OF_LIFE);
    this.showLife();
    this.extend();
  }

  /** Lets go without a word: the server hands the message out again after its `ack_wait`. */
  abandon(): void {
    this.end();
  }

  private showLife(): void {
    this.delivery.working();
    this.around.onAlive();
  }

  private extend(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => void this.handBack(), this.around.leaseMs);
  }

  private onEvent(event: JobHistoryEvent): void {
    switch (event.type) {
      case 'AssetStored':
        if (event.data.attempt === this.job.started.attempt) this.extend();
        break;
      case 'JobStarted':
        // Somebody else has the message now, whose answer it is to give.
        if (event.data.attempt > this.job.started.attempt) this.end();
        break;
      case 'JobCompleted':
      case 'JobFailed':
      case 'JobCancelled':
        this.end(done());
    }
  }

  /** To another worker at once, unless there is nothing to do any more, or another one has it already. */
  private async handBack(): Promise<void> {
    if (this.isOver) return;
    this.end();
    const { jobId, attempt } = this.job.started;
    const { store, bus } = this.around;
    try {
      const job = await store.load(jobId);
      if (!job || isEnded(job)) this.delivery.answer(done());
      else if (job.started?.attempt === attempt) this.delivery.answer(retryAfter(0));
    } catch (error) {
      // Without an answer the message comes again by itself, a little later.
      bus.log.warn({ err: error, jobId }, 'a job could not be handed back');
    }
  }

  private end(handled?: Handled): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.silence);
    clearInterval(this.alive);
    for (const stop of this.stops) stop();
    if (handled) this.delivery.answer(handled);
    this.around.onOver();
  }
}
