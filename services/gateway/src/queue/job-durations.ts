/** How long jobs take here: the reference's measured times at first, then what is measured. */
import { type CompletedJob, type Job, liveAssets } from '#contracts/domain/job.js';
import { JOB_CATALOGUE, JOB_TYPES, type JobType, type QueueName } from '#contracts/job-catalogue.js';
import { BoundedMap } from '../bounded-map.js';
import type { QueueNumbers } from './queue-gauge.js';

/** How much the newest job counts. */
const NEWEST_SHARE = 0.2;
const SEEN_MAX = 2_000;

export class JobDurations {
  private readonly measured = new Map<JobType, number>();
  private readonly seen = new BoundedMap<string, true>(SEEN_MAX);

  /** Learns from a finished job, once. */
  observe(job: Job): void {
    if (job.status !== 'completed' || this.seen.has(job.requested.jobId)) return;
    this.seen.set(job.requested.jobId, true);
    const { jobType } = job.requested;
    const before = this.measured.get(jobType);
    const seconds = secondsOf(job);
    this.measured.set(jobType, before === undefined ? seconds : before + NEWEST_SHARE * (seconds - before));
  }

  /** Seconds that a job of this type takes once it is started. */
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

  /** Seconds until the waiting jobs of a queue are taken. */
  waitOf(queue: QueueName, { waiting, workers }: Pick<QueueNumbers, 'waiting' | 'workers'>): number {
    return (waiting / Math.max(1, workers)) * this.averageOf(queue);
  }

  /** Whole seconds, at least one, until the job should be done; null when it has ended. */
  remainingOf(job: Job, ahead: Pick<QueueNumbers, 'waiting' | 'workers'>, now = Date.now()): number | null {
    const { jobType } = job.requested;
    if (job.status === 'queued') {
      const wait = this.waitOf(JOB_CATALOGUE[jobType].queue, ahead);
      return Math.max(1, Math.ceil(wait + this.secondsOf(jobType)));
    }
    if (job.status !== 'processing') return null;
    const byTime = this.secondsOf(jobType) - (now - Date.parse(job.startedAt)) / 1000;
    const left = 1 - liveAssets(job).length / job.requested.seeds.length;
    return Math.max(1, Math.ceil(Math.max(byTime, 0) * left));
  }
}

function secondsOf({ completed: { timings } }: CompletedJob): number {
  return (timings.generatedMs + timings.storedMs) / 1000;
}
