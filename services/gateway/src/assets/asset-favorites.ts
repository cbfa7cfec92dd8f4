import { Injectable } from '@nestjs/common';
import type { Job } from '#contracts/domain/job.js';
import { FAVORITES_PER_HOUR } from '#contracts/limits.js';
import { Bus } from '#eventing/bus.js';
import { type Favorite, JobStore } from '#eventing/job-store.js';
import { ApiError } from '../http/api-error.js';
import { HourlyBudget } from '../limits/hourly-budget.js';
import { unlessAway } from '../unless-away.js';

/** Remembers which assets their owner likes. */
@Injectable()
export class AssetFavorites {
  private readonly budget = new HourlyBudget(FAVORITES_PER_HOUR, 'favourites');

  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
  ) {}

  /** The job after it; the same as before when nothing changes. @throws ApiError `unknown_asset`, `rate_limited` */
  async mark(job: Job, favorite: Favorite, traceparent: string): Promise<Job> {
    this.budget.spend(job.requested.accountKey, 1, Date.now());
    const append = () => this.store.favoriteAsset(job.requested.jobId, favorite, { older: job, traceparent });
    const result = await unlessAway(this.bus, append);
    if (!result.job || (result.outcome === 'refused' && result.reason !== 'unchanged')) {
      throw new ApiError('unknown_asset');
    }
    return result.job;
  }
}
