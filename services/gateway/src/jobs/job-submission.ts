import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { asRequested, type Job } from '#contracts/domain/job.js';
import { negativePromptFor } from '#contracts/domain/negative-prompt.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import { newJobId } from '#contracts/ids.js';
import { SEED_MAX } from '#contracts/limits.js';
import { Bus } from '#eventing/bus.js';
import { EventingUnavailableError } from '#eventing/errors.js';
import { type ExecuteResult, JobStore } from '#eventing/job-store.js';
import { JobCredits, type ReservedCredits } from '../accounts/job-credits.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { JobPrompts, type PromptedWish } from '../projects/job-prompts.js';
import { laneFor } from '../queue/lane.js';
import { QueueAdmission } from '../queue/queue-admission.js';
import type { QueuePlace } from '../queue/queue-gauge.js';
import { unlessAway } from '../unless-away.js';
import type { Idempotency } from './idempotency.js';
import type { JobWish } from './queue-job-body.js';

export interface Submitted {
  readonly job: Job;
  readonly place: Pick<QueuePlace, 'length' | 'position'>;
  /** Whether an earlier request with the same key had made the job. */
  readonly replayed: boolean;
}

export interface SubmissionContext {
  readonly traceparent: string;
  readonly idempotency?: Idempotency;
}

/** What a request gets beside what the client wished. */
interface Terms {
  readonly jobId: string;
  readonly requestHash?: string;
  readonly reserved: ReservedCredits;
}

/** Takes a wish into the queue: credits reserved and the job stored before the client hears of it. */
@Injectable()
export class JobSubmission {
  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
    private readonly prompts: JobPrompts,
    private readonly credits: JobCredits,
    private readonly admission: QueueAdmission,
  ) {}

  /** Checks in the order that the API promises: policy, project, own limit, what the queue can take, credits. */
  async submit(wish: JobWish, caller: Caller, context: SubmissionContext): Promise<Submitted> {
    const first = context.idempotency && (await this.firstOf(context.idempotency));
    if (first) return first;
    const prompted = await this.prompts.choose(wish, caller, context.traceparent);
    await unlessAway(this.bus, () => this.credits.checkOwnLimit(caller, wish.entry));
    return this.enqueue(prompted, caller, context);
  }

  /** What an earlier request with this key made. Neither a full queue nor an empty account matters to it. */
  private async firstOf(idempotency: Idempotency): Promise<Submitted | undefined> {
    const job = await unlessAway(this.bus, () => this.store.load(idempotency.jobId));
    return job && this.replay(job, idempotency);
  }

  private replay(job: Job, { requestHash }: Idempotency): Submitted {
    if (job.requested.requestHash !== requestHash) throw new ApiError('idempotency_key_reuse');
    return { job: asRequested(job), place: this.admission.placeOf(job), replayed: true };
  }

  private async enqueue(wish: PromptedWish, caller: Caller, context: SubmissionContext): Promise<Submitted> {
    const place = this.admission.enter(wish.entry);
    try {
      const result = await unlessAway(this.bus, (signal) => this.request(wish, caller, context, signal));
      if (result.outcome === 'refused') return this.overtaken(place, result.job, context.idempotency);
      this.admission.keep(result.job.requested, place);
      return { job: result.job, place, replayed: false };
    } catch (error) {
      place.leave();
      throw error;
    }
  }

  /** The reservation is stored before the job, so that no job is without one. */
  private async request(
    wish: PromptedWish,
    caller: Caller,
    { idempotency, traceparent }: SubmissionContext,
    signal: AbortSignal,
  ): Promise<ExecuteResult> {
    const jobId = idempotency?.jobId ?? newJobId();
    const reserved = await this.credits.reserve(caller, { jobId, entry: wish.entry }, { signal, traceparent });
    const request = requestOf(wish, caller, { jobId, requestHash: idempotency?.requestHash, reserved });
    let wasSent = false;
    try {
      // The client may have been told by now that the job was not taken.
      signal.throwIfAborted();
      wasSent = true;
      return await this.store.request(request, traceparent);
    } catch (error) {
      // What may be stored keeps its reservation: the jobs service releases those that stay without a job.
      const mayBeStored = wasSent && error instanceof EventingUnavailableError;
      if (reserved.isNew && !mayBeStored) await this.credits.release(caller, jobId, traceparent);
      throw error;
    }
  }

  /** Another request with the same key was stored while this one was on its way. The reservation is that job's. */
  private overtaken(place: QueuePlace, job: Job | undefined, idempotency: Idempotency | undefined): Submitted {
    if (!job || !idempotency) throw new Error('a new job was refused although its id is new');
    const first = this.replay(job, idempotency);
    place.leave();
    return first;
  }
}

function requestOf(wish: PromptedWish, caller: Caller, { jobId, requestHash, reserved }: Terms): JobRequested {
  const { entry, prompt, projectId, imageId, videoId, characterId, clientMetadata } = wish;
  return {
    jobId,
    userId: caller.userId,
    accountKey: caller.accountKey,
    jobType: entry.jobType,
    lane: laneFor(reserved.othersOpen),
    prompt: { text: prompt },
    ...(entry.negativePromptSupported
      ? { negativePrompt: { text: negativePromptFor(prompt, wish.negativePrompt) } }
      : {}),
    config: { ...entry.config },
    seeds: seedsFrom(wish.seed ?? randomInt(SEED_MAX + 1), wish.count),
    bucket: entry.bucket,
    credits: reserved.amount,
    projectId,
    imageId,
    videoId,
    characterId,
    requestHash,
    clientMetadata,
  };
}

/** Output k uses seed + k, beginning again at 0 after the highest seed. */
function seedsFrom(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => (seed + k) % (SEED_MAX + 1));
}
