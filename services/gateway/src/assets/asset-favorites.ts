import { Injectable } from '@nestjs/common';
import type { Job } from '#contracts/domain/job.js';
import { Bus } from '#eventing/bus.js';
import { type Favorite, JobStore } from '#eventing/job-store.js';
import { ApiError } from '../http/api-error.js';
import { unlessAway } from '../unless-away.js';

/** Remembers which assets their owner likes. */
@Injectable()
export class AssetFavorites {
  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
  ) {}

  /** The job after it; the same as before when nothing changes. @throws ApiError `unknown_asset` */
  async mark(job: Job, favorite: Favorite, traceparent: string): Promise<Job> {
    const append = () => this.store.favoriteAsset(job.requested.jobId, favorite, { older: job, traceparent });
    const result = await unlessAway(this.bus, append);
    if (!result.job || (result.outcome === 'refused' && result.reason !== 'unchanged')) {
      throw new ApiError('unknown_asset');
    }
    return result.job;
  }
}
