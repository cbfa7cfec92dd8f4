import { Injectable } from '@nestjs/common';
import type { Job } from '#contracts/domain/job.js';
import { cancelJob } from '#contracts/domain/job-decisions.js';
import { Bus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { requestCancel } from '#eventing/live.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { unlessAway } from '../unless-away.js';
import { OwnJobs } from './own-jobs.js';

/** Ends a job before its time. The stored event counts; the word to the worker only saves its work. */
@Injectable()
export class JobCancellation {
  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
    private readonly ownJobs: OwnJobs,
  ) {}

  /** Cancelling a cancelled job is fine. @throws ApiError `already_ended` when it ended otherwise. */
  async cancel(jobId: string, caller: Caller, traceparent: string): Promise<Job> {
    const known = await this.ownJobs.find(jobId, caller);
    const decide = (job: Job | undefined) => cancelJob(job, caller.userId);
    const result = await unlessAway(this.bus, () => this.store.execute(jobId, decide, { known, traceparent }));
    const job = result.job ?? known;
    if (result.outcome === 'appended') requestCancel(this.bus, jobId);
    else if (job.status !== 'cancelled') throw new ApiError('already_ended', { details: `the job is ${job.status}` });
    return job;
  }
}
