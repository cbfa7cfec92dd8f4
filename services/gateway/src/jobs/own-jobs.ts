import { Injectable } from '@nestjs/common';
import { foldJob, type Job } from '#contracts/domain/job.js';
import type { ErrorCode } from '#contracts/http/error-codes.js';
import { isUuid } from '#contracts/ids.js';
import { Bus } from '#eventing/bus.js';
import { JobStore, onTopOf } from '#eventing/job-store.js';
import { ask } from '#eventing/request-reply.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { unlessAway } from '../unless-away.js';

/** Finds a caller's jobs. What is not theirs does not exist for them. */
@Injectable()
export class OwnJobs {
  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
  ) {}

  /**
   * From the job's own events, so that what was just accepted is there at once; what is older than the stream comes from
   * the projection.
   * @throws ApiError with the given code when there is no such job.
   */
  async find(jobId: string, { accountKey }: Caller, otherwise: ErrorCode = 'unknown_job'): Promise<Job> {
    if (!isUuid(jobId)) throw new ApiError(otherwise);
    const events = await unlessAway(this.bus, () => this.store.history(jobId));
    const job = foldJob(events) ?? onTopOf(await this.older(jobId), events);
    if (job?.requested.accountKey !== accountKey) throw new ApiError(otherwise);
    return job;
  }

  private async older(jobId: string): Promise<Job | undefined> {
    return (await ask(this.bus, 'jobs.get', { jobId })).job ?? undefined;
  }
}
