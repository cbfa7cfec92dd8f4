/** How long jobs take here: the reference's measured times at first, then what is measured. */
import { type Job, liveAssets } from '#contracts/domain/job.js';
import { JOB_CATALOGUE, JOB_TYPES, type JobType, type QueueName } from '#contracts/job-catalogue.js';
import type { RecentDurations } from '#contracts/queries.js';
import type { QueueNumbers } from './queue-gauge.js';

/** How much the newest job counts. */
const NEWEST_SHARE = 0.2;
const RETRY_AFTER_MAX_SECONDS = 600;

export class JobDurations {
  private readonly measured = new Map<JobType, number>();
  private enhancement: number | undefined;

  /** A job of this type was made: seconds from its start to its end on its worker. */
  learn(jobType: JobType, seconds: number): void {
    this.measured.set(jobType, follow(this.measured.get(jobType), seconds));
  }

  learnEnhancement(seconds: number): void {
    this.enhancement = follow(this.enhancement, seconds);
  }

  /** What was measured before this process began. What it has seen itself is newer. */
  recall({ seconds, enhancementSeconds }: RecentDurations): void {
    for (const jobType of JOB_TYPES) {
      const known = seconds[jobType];
      if (known !== undefined && !this.measured.has(jobType)) this.measured.set(jobType, known);
    }
    this.enhancement ??= enhancementSeconds ?? undefined;
  }

  /** Seconds that a worker has a job of this type. */
  secondsOf(jobType: JobType): number {
    return this.measured.get(jobType) ?? JOB_CATALOGUE[jobType].referenceSeconds;
  }

  /** Over the job types of a queue: those measured here, or all of them while none is. */
  averageOf(queue: QueueName): number {
    const types = JOB_TYPES.filter((jobType) => JOB_CATALOGUE[jobType].queue === queue);
    const known = types.filter((jobType) => this.measured.has(jobType));
    const counted = known.length > 0 ? known : types;
    return counted.reduce((sum, jobType) => sum + this.secondsOf(jobType), 0) / counted.length;
  }

  /** Seconds until the waiting jobs of a queue are taken. Workers that are all busy are half done on average. */
  waitOf(queue: QueueName, { waiting, processing, workers }: QueueNumbers): number {
    const busy = workers > 0 && processing >= workers ? 0.5 : 0;
    return (waiting / Math.max(1, workers) + busy) * this.averageOf(queue);
  }

  /** Whole seconds until a queue should have room for one more, for `Retry-After`. */
  untilRoomIn(queue: QueueName, workers: number): number {
    const seconds = Math.ceil(this.averageOf(queue) / Math.max(1, workers));
    return Math.min(Math.max(1, seconds), RETRY_AFTER_MAX_SECONDS);
  }

  /** Whole seconds, at least one, until the job should be done; null when it has ended. `ahead` are those before it. */
  remainingOf(job: Job, ahead: QueueNumbers, now = Date.now()): number | null {
    const { jobType } = job.requested;
    const seconds = this.secondsOf(jobType);
    if (job.status === 'queued') {
      const wait = this.waitOf(JOB_CATALOGUE[jobType].queue, ahead);
      return atLeastOne(wait + this.enhancementOf(job) + seconds);
    }
    if (job.status !== 'processing') return null;
    const byTime = seconds - (now - Date.parse(job.startedAt)) / 1000;
    const byOutputs = seconds * (1 - liveAssets(job).length / job.requested.seeds.length);
    return atLeastOne(Math.min(byTime, byOutputs));
  }

  /** The reference's times of enhanced types include it; measured ones are of the worker alone. */
  private enhancementOf({ requested: { jobType }, enhanced }: Job): number {
    const isToCome = JOB_CATALOGUE[jobType].isEnhanced && enhanced === undefined && this.measured.has(jobType);
    return isToCome ? (this.enhancement ?? 0) : 0;
  }
}

function follow(before: number | undefined, newest: number): number {
  return before === undefined ? newest : before + NEWEST_SHARE * (newest - before);
}

function atLeastOne(seconds: number): number {
  return Math.max(1, Math.ceil(seconds));
}
