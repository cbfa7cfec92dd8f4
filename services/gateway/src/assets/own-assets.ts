import { Injectable } from '@nestjs/common';
import { type Job, liveAssets } from '#contracts/domain/job.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import type { ListAssetsQuery } from '#contracts/http/list-queries.js';
import { parseAssetId } from '#contracts/ids.js';
import type { Queries } from '#contracts/queries.js';
import { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { OwnJobs } from '../jobs/own-jobs.js';
import { assetFilters } from './asset-filters.js';
import { RecentlyDeleted } from './recently-deleted.js';

/** Finds a caller's assets. What is not theirs does not exist for them, nor what they deleted a moment ago. */
@Injectable()
export class OwnAssets {
  constructor(
    private readonly bus: Bus,
    private readonly ownJobs: OwnJobs,
    private readonly recentlyDeleted: RecentlyDeleted,
  ) {}

  async list(query: ListAssetsQuery, { accountKey }: Caller): Promise<Queries['assets.list']['answer']> {
    const { assets, nextCursor } = await ask(this.bus, 'assets.list', { accountKey, ...assetFilters(query) });
    return { assets: assets.filter(({ id }) => !this.recentlyDeleted.has(id)), nextCursor };
  }

  /** @throws ApiError `unknown_asset` */
  async find(id: string, caller: Caller): Promise<{ job: Job; asset: StoredAsset }> {
    const place = parseAssetId(id.toLowerCase());
    if (!place) throw new ApiError('unknown_asset');
    const job = await this.ownJobs.find(place.jobId, caller, 'unknown_asset');
    const asset = liveAssets(job).find(({ index }) => index === place.index);
    if (!asset || this.recentlyDeleted.has(asset.id)) throw new ApiError('unknown_asset');
    return { job, asset };
  }
}
