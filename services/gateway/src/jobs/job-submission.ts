import { randomInt } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { asRequested, type Job } from '#contracts/domain/job.js';
import { negativePromptFor } from '#contracts/domain/negative-prompt.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import { newJobId } from '#contracts/ids.js';
import { JOB_CATALOGUE, type JobTypeEntry } from '#contracts/job-catalogue.js';
import { SEED_MAX } from '#contracts/limits.js';
import { Bus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import type { Caller } from '../auth/token-verifier.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { ApiError } from '../http/api-error.js';
import { PromptPolicy } from '../policy/prompt-policy.js';
import { laneFor } from '../queue/lane.js';
import { QueueGauge, type QueuePlace } from '../queue/queue-gauge.js';
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

/** As it stands in the audit. */
const ROUTE = 'POST /api/queue-job';

/** Takes a wish into the queue: one message to NATS, stored before the client hears of it. */
@Injectable()
export class JobSubmission {
  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
    private readonly gauge: QueueGauge,
    private readonly policy: PromptPolicy,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  /** Checks in the order that the API promises: policy, project, then what the queue can take. */
  async submit(wish: JobWish, caller: Caller, context: SubmissionContext): Promise<Submitted> {
    this.policy.check(wish, caller, { route: ROUTE, traceparent: context.traceparent });
    if (wish.projectId !== undefined)
      throw new ApiError('unknown_project', { details: 'projectId names no project of yours' });
    const first = context.idempotency && (await this.firstOf(context.idempotency));
    if (first) return first;
    return this.enqueue(requestOf(wish, caller, context.idempotency), context);
  }

  /** What an earlier request with this key made. A full queue does not matter to it. */
  private async firstOf(idempotency: Idempotency): Promise<Submitted | undefined> {
    const job = await unlessAway(this.bus, () => this.store.load(idempotency.jobId));
    return job && this.replay(job, idempotency);
  }

  private replay(job: Job, { requestHash }: Idempotency): Submitted {
    if (job.requested.requestHash !== requestHash) throw new ApiError('idempotency_key_reuse');
    const { queue } = JOB_CATALOGUE[job.requested.jobType];
    const { waiting, processing } = this.gauge.numbers(queue);
    const place = { length: waiting + processing, position: this.gauge.positionOf(job.requested.jobId, queue) };
    return { job: asRequested(job), place, replayed: true };
  }

  private async enqueue(request: JobRequested, context: SubmissionContext): Promise<Submitted> {
    const place = this.takePlace(JOB_CATALOGUE[request.jobType]);
    try {
      const result = await unlessAway(this.bus, () => this.store.request(request, context.traceparent));
      if (result.outcome === 'refused') return this.overtaken(place, result.job, context.idempotency);
      place.stored();
      this.gauge.remember(request.jobId, place.position);
      return { job: result.job, place, replayed: false };
    } catch (error) {
      place.leave();
      throw error;
    }
  }

  private takePlace({ route, queue, jobType }: JobTypeEntry): QueuePlace {
    const { servedRoutes, maxQueueDepth } = this.configuration;
    if (!servedRoutes.includes(route)) {
      throw new ApiError('job_type_unavailable', { details: `there are no workers for ${jobType} here` });
    }
    if (this.gauge.isStreamFull) throw new ApiError('queue_unavailable', { details: 'the job stream is nearly full' });
    const place = this.gauge.enter(queue, maxQueueDepth);
    if (!place) throw new ApiError('queue_full', { details: `${queue} holds ${maxQueueDepth} jobs` });
    return place;
  }

  /** Another request with the same key was stored while this one was on its way. */
  private overtaken(place: QueuePlace, job: Job | undefined, idempotency: Idempotency | undefined): Submitted {
    if (!job || !idempotency) throw new Error('a new job was refused although its id is new');
    const first = this.replay(job, idempotency);
    place.leave();
    return first;
  }
}

function requestOf(wish: JobWish, caller: Caller, idempotency: Idempotency | undefined): JobRequested {
  const { entry, prompt, projectId, imageId, videoId, clientMetadata } = wish;
  return {
    jobId: idempotency?.jobId ?? newJobId(),
    userId: caller.userId,
    accountKey: caller.accountKey,
    jobType: entry.jobType,
    lane: laneFor(caller.accountKey),
    prompt: { text: prompt },
    ...(entry.negativePromptSupported
      ? { negativePrompt: { text: negativePromptFor(prompt, wish.negativePrompt) } }
      : {}),
    config: { ...entry.config },
    seeds: seedsFrom(wish.seed ?? randomInt(SEED_MAX + 1), wish.count),
    bucket: entry.bucket,
    credits: entry.credits,
    projectId,
    imageId,
    videoId,
    requestHash: idempotency?.requestHash,
    clientMetadata,
  };
}

/** Output k uses seed + k, beginning again at 0 after the highest seed. */
function seedsFrom(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => (seed + k) % (SEED_MAX + 1));
}
