/** Waits for jobs on behalf of outside workers, for as long as they wait themselves. */
import { Injectable } from '@nestjs/common';
import type { Commands } from '#contracts/commands.js';
import type { ProcessingJob } from '#contracts/domain/job.js';
import type { WorkerClaimRequest } from '#contracts/http/outside-workers.js';
import { Bus } from '#eventing/bus.js';
import { requestRelease } from '#eventing/live.js';
import { command } from '#eventing/request-reply.js';
import { Addresses } from '../addresses.js';
import { orQueueUnavailable } from './queue-unavailable.js';

/** Jobs is asked again and again: it may be restarted meanwhile, and who is gone waits no longer than this. */
const TURN_MS = 2_000;
/** On top of a turn: the pull and the start of the attempt. */
const ANSWER_MS = 10_000;

type Claimed = Commands['worker.claim']['answer'] & { readonly job: ProcessingJob };

@Injectable()
export class WorkClaims {
  private readonly stopping = new AbortController();

  constructor(
    private readonly bus: Bus,
    private readonly addresses: Addresses,
  ) {}

  /** Undefined when there is no job in time. A job that comes when the worker has `gone` is handed back at once. */
  async wait(claim: WorkerClaimRequest, gone: AbortSignal): Promise<Claimed | undefined> {
    const ended = AbortSignal.any([gone, this.stopping.signal]);
    const deadline = Date.now() + claim.wait_seconds * 1_000;
    do {
      const { job, leaseMs } = await this.ask(claim, Math.min(TURN_MS, Math.max(0, deadline - Date.now())));
      if (job && !gone.aborted) return { job, leaseMs };
      if (job) requestRelease(this.bus, job.started.jobId, job.started.attempt);
    } while (!ended.aborted && Date.now() < deadline);
    return undefined;
  }

  /** Whoever waits is answered soon. */
  stop(): void {
    this.stopping.abort();
  }

  private ask({ queues, worker }: WorkerClaimRequest, waitMs: number) {
    const { publicUrl } = this.addresses;
    const asked = command(this.bus, 'worker.claim', { queues, worker, waitMs, publicUrl }, waitMs + ANSWER_MS);
    return orQueueUnavailable(asked);
  }
}
