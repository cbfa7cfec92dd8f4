/** Gives jobs to workers that do not speak NATS, and keeps them for as long as the workers are heard of. */
import type { WorkerClaim } from '#contracts/commands.js';
import type { ProcessingJob } from '#contracts/domain/job.js';
import { claimJob, completeOutside, missingOutputs } from '#contracts/domain/outside-work.js';
import { assetPath } from '#contracts/ids.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { OUTSIDE_LEASE_MS } from '#contracts/limits.js';
import { type EngineName, generatingEngines } from '#contracts/streams.js';
import type { WorkerPresence } from '#contracts/worker-presence.js';
import type { Bus } from '#eventing/bus.js';
import type { Delivery } from '#eventing/delivery.js';
import { isOutage } from '#eventing/errors.js';
import { done, reject, retryAfter } from '#eventing/handled.js';
import type { JobStore } from '#eventing/job-store.js';
import { laneTurns, takeWork } from '#eventing/work-queue.js';
import { announceWorker } from '#eventing/workers.js';
import { Lease } from './lease.js';

/** What NATS cannot take now it may take then. */
const OUTAGE_RETRY_MS = 5_000;

export class Claims {
  private readonly leases = new Set<Lease>();
  private readonly turns = laneTurns();

  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
    private readonly stopping: AbortSignal,
    readonly leaseMs = OUTSIDE_LEASE_MS,
  ) {
    stopping.addEventListener('abort', () => this.abandonAll(), { once: true });
  }

  /** The next job of these queues, its attempt started; undefined when there is none in time. */
  async claim(claim: WorkerClaim): Promise<ProcessingJob | undefined> {
    const engines = [...new Set(claim.queues.flatMap(generatingEngines))];
    const signal = AbortSignal.any([AbortSignal.timeout(claim.waitMs), this.stopping]);
    this.announce(engines, { worker: claim.worker, state: 'idle' });
    for (;;) {
      const delivery = await takeWork(this.bus, engines, this.turns, signal);
      if (!delivery) return undefined;
      const job = await this.take(delivery, claim);
      if (job) return job;
    }
  }

  /** Undefined when there is nothing to do for it any more: then the message is answered. */
  private async take(delivery: Delivery, claim: WorkerClaim): Promise<ProcessingJob | undefined> {
    const event = delivery.event();
    if (event?.type !== 'JobRequested' && event?.type !== 'PromptEnhanced') {
      delivery.answer(reject('not an event that starts work'));
      return undefined;
    }
    try {
      const job = await this.start(event.data.jobId, delivery, claim);
      if (job) await this.keep(delivery, job);
      else delivery.answer(done());
      return job;
    } catch (error) {
      if (isOutage(error)) delivery.answer(retryAfter(OUTAGE_RETRY_MS));
      throw error;
    }
  }

  private async start(jobId: string, { traceparent }: Delivery, { worker, publicUrl }: WorkerClaim) {
    const { outcome, job } = await this.store.execute(jobId, (known) => claimJob(known, worker), { traceparent });
    if (outcome !== 'appended' || job.status !== 'processing') return undefined;
    if (missingOutputs(job).length > 0) return job;
    // The worker before it sent everything and did not come to say so.
    const named = job.assets.map(({ index }) => index);
    const completion = { named, now: Date.now(), urlOf: (key: string) => `${publicUrl}${assetPath(key)}` };
    await this.store.execute(jobId, (known) => completeOutside(known, completion), { traceparent });
    return undefined;
  }

  private async keep(delivery: Delivery, job: ProcessingJob): Promise<void> {
    const { bus, store, leaseMs } = this;
    const engines = generatingEngines(JOB_CATALOGUE[job.requested.jobType].queue);
    const { worker, jobId } = job.started;
    const onAlive = () => this.announce(engines, { worker, state: 'busy', jobId });
    const onOver = () => void this.leases.delete(lease);
    const lease: Lease = new Lease({ bus, store, leaseMs, onAlive, onOver }, delivery, job);
    this.leases.add(lease);
    await lease.watching;
  }

  private abandonAll(): void {
    for (const lease of [...this.leases]) lease.abandon();
  }

  private announce(engines: readonly EngineName[], who: Pick<WorkerPresence, 'worker' | 'state' | 'jobId'>): void {
    const startedAt = new Date().toISOString();
    for (const engine of engines) announceWorker(this.bus, { ...who, engine, startedAt, outside: true });
  }
}
