/** Jobs and assets as answers show them. */
import { Injectable } from '@nestjs/common';
import { isFavorite, type Job, liveAssets } from '#contracts/domain/job.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import type { AssetView, JobView } from '#contracts/http/answers.js';
import { jobFactsOf, outputFactsOf } from '#contracts/http/job-facts.js';
import { JOB_CATALOGUE, type JobType } from '#contracts/job-catalogue.js';
import { Addresses } from '../addresses.js';
import { RecentlyDeleted } from '../assets/recently-deleted.js';
import { JobDurations } from '../queue/job-durations.js';
import { QueueGauge } from '../queue/queue-gauge.js';
import { metadataOf } from './job-metadata.js';
import { progressOf } from './job-progress.js';
import { LatestProgress } from './latest-progress.js';

@Injectable()
export class JobViews {
  constructor(
    private readonly addresses: Addresses,
    private readonly progress: LatestProgress,
    private readonly gauge: QueueGauge,
    private readonly durations: JobDurations,
    private readonly recentlyDeleted: RecentlyDeleted,
  ) {}

  of(job: Job): JobView {
    const { jobId, jobType } = job.requested;
    const entry = JOB_CATALOGUE[jobType];
    return {
      ...jobFactsOf(job),
      format: entry.format,
      quality: entry.quality,
      model_type: jobType,
      metadata: metadataOf(job, this.assetUrls(job)),
      progress: progressOf(job, this.progress.of(jobId)),
      ...this.outlook(job),
      urls: this.addresses.job(jobId),
    };
  }

  /** A job as it was at a moment: nobody remembers what its worker said of its progress, nor who was before it. */
  past(job: Job): JobView {
    return { ...this.of(job), progress: progressOf(job, undefined), queuePosition: null, estimatedSeconds: null };
  }

  /** The assets of a job that are there, in index order. */
  assetsOf(job: Job): AssetView[] {
    const { jobId, jobType } = job.requested;
    return this.liveAssets(job).map((asset) => this.asset(jobId, jobType, asset, isFavorite(job, asset.index)));
  }

  asset(jobId: string, jobType: JobType, asset: StoredAsset, favorite: boolean): AssetView {
    const { url, expiresAt } = this.addresses.asset(asset.key);
    return {
      ...outputFactsOf(asset),
      job_id: jobId,
      job_type: jobType,
      favorite,
      url,
      url_expires_at: expiresAt,
      preview_url: asset.preview ? this.addresses.asset(asset.preview.key).url : null,
      created_at: asset.storedAt,
    };
  }

  /** Where a waiting job stands, 1 is next; null when it does not wait any more. */
  positionOf({ status, requested }: Job): number | null {
    return status === 'queued' ? this.gauge.positionOf(requested, JOB_CATALOGUE[requested.jobType].queue) : null;
  }

  private assetUrls(job: Job): string[] {
    return this.liveAssets(job).map(({ key }) => this.addresses.asset(key).url);
  }

  private liveAssets(job: Job): StoredAsset[] {
    return liveAssets(job).filter(({ id }) => !this.recentlyDeleted.has(id));
  }

  private outlook(job: Job): Pick<JobView, 'queuePosition' | 'estimatedSeconds'> {
    const { queue } = JOB_CATALOGUE[job.requested.jobType];
    const position = this.positionOf(job);
    const ahead = { ...this.gauge.numbers(queue), waiting: (position ?? 1) - 1 };
    return { queuePosition: position, estimatedSeconds: this.durations.remainingOf(job, ahead) };
  }
}
