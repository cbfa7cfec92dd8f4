/** How far a job is, for its view. Pure: progress never changes a job's status. */
import { isEnded, type Job } from '#contracts/domain/job.js';
import type { ProgressView } from '#contracts/http/answers.js';
import type { ProgressMessage } from '#contracts/progress.js';

/** From the worker's last word where it is of the running attempt, else from what is stored. */
export function progressOf(job: Job, latest: ProgressMessage | undefined): ProgressView {
  const steps = job.requested.config.sample_steps;
  if (job.status === 'queued') return { percent: 0, stage: 'queued', step: 0, steps };
  if (job.status === 'completed') return { percent: 100, stage: 'completed', step: steps, steps };
  const known = latest && latest.attempt >= (job.started?.attempt ?? 0) ? latest : undefined;
  const percent = Math.max(known?.percent ?? 0, storedPercent(job));
  const stage = isEnded(job) ? job.status : (known?.stage ?? 'generating');
  return { percent: Math.min(percent, 99), stage, step: known?.step ?? 0, steps: known?.steps ?? steps };
}

function storedPercent(job: Job): number {
  return Math.floor((job.assets.length / job.requested.seeds.length) * 100);
}
