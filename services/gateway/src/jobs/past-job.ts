import type { Job } from '#contracts/domain/job.js';
import { isUuid } from '#contracts/ids.js';
import type { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import { ApiError } from '../http/api-error.js';

/** Anybody's job as it was at a moment. Only for operators. Throws `ApiError` for one that was not there by then. */
export async function pastJob(bus: Bus, jobId: string, at: string): Promise<Job> {
  const job = isUuid(jobId) ? (await ask(bus, 'jobs.past', { jobId, at })).job : null;
  if (!job) throw new ApiError('unknown_job');
  return job;
}
