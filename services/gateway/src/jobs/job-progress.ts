/** How far a job is, for its view. Pure: progress never changes a job's status. */
import { isEnded, type Job } from '#contracts/domain/job.js';
import type { ProgressView } from '#contracts/http/answers.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { ENHANCING_PERCENT, type ProgressMessage } from '#contracts/progress.js';

/** From the last word of who has the job where it is of the running attempt, else from what is stored. */
export function progressOf(job: Job, latest: ProgressMessage | undefined): ProgressView {
  const steps = job.requested.config.sample_steps;
  if (job.status === 'completed') return { percent: 100, stage: 'completed', step: steps, steps };
  const known = latest && isCurrent(latest, job) ? latest : undefined;
  const percent = Math.min(percentOf(job, known), 99);
  if (job.status === 'queued' && !known) return { percent, stage: 'queued', step: 0, steps };
  const stage = isEnded(job) ? job.status : (known?.stage ?? 'generating');
  return { percent, stage, step: known?.step ?? 0, steps: known?.steps ?? steps };
}

/** What an enhancer says counts until the prompt is enhanced, what a worker says from its attempt's start on. */
function isCurrent(latest: ProgressMessage, job: Job): boolean {
  if (job.started) return latest.attempt >= job.started.attempt;
  return latest.stage === 'enhancing' && !job.enhanced;
}

/** Over both stages where there are two: each tells of its own part alone. */
function percentOf(job: Job, known: ProgressMessage | undefined): number {
  if (!job.enhanced && !job.started) return Math.floor(((known?.percent ?? 0) * ENHANCING_PERCENT) / 100);
  const done = JOB_CATALOGUE[job.requested.jobType].isEnhanced ? ENHANCING_PERCENT : 0;
  const generated = job.started ? Math.max(known?.percent ?? 0, storedPercent(job)) : 0;
  return done + Math.floor((generated * (100 - done)) / 100);
}

function storedPercent(job: Job): number {
  return Math.floor((job.assets.length / job.requested.seeds.length) * 100);
}
