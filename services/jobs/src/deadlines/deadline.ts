/** When a job that is being made has taken too long. Pure; times in milliseconds since 1970. */

import type { ProcessingJob } from '#contracts/domain/job.js';
import type { Failure } from '#contracts/domain/job-decisions.js';
import { GENERATION_TIMEOUT_MS, MAX_DELIVERIES, WORKER_SILENCE_MS } from '#contracts/limits.js';

/** What failed, or undefined while the job may go on. `lastSign` is when its worker was last heard of. */
export function passedDeadline(job: ProcessingJob, lastSign: number, now: number): Failure | undefined {
  const overdue = now - Date.parse(job.startedAt) > GENERATION_TIMEOUT_MS;
  const silent = now - lastSign > WORKER_SILENCE_MS;
  if (overdue && !silent) return TIMED_OUT;
  // With deliveries left, the silent worker's job is given to another one by itself.
  return silent && (overdue || job.started.attempt >= MAX_DELIVERIES) ? LOST : undefined;
}

/** The last event of the job's own that shows its worker at work. */
export function lastEventOf(job: ProcessingJob): number {
  return Math.max(Date.parse(job.startedAt), ...job.assets.map((asset) => Date.parse(asset.storedAt)));
}

const TIMED_OUT: Failure = {
  code: 'generation_timeout',
  message: `The generation took longer than ${GENERATION_TIMEOUT_MS / 60_000} minutes.`,
  retryable: true,
};

const LOST: Failure = {
  code: 'worker_lost',
  message: 'The worker that was making this has vanished.',
  retryable: true,
};
