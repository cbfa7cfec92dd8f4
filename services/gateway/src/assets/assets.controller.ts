import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { liveAssets } from '#contracts/domain/job.js';
import type { AssetView } from '#contracts/http/answers.js';
import { ListAssetsQuery } from '#contracts/http/list-queries.js';
import { parseAssetId } from '#contracts/ids.js';
import { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import { From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { checkedQuery } from '../http/checked.js';
import { instant } from '../http/instant.js';
import { JobViews } from '../jobs/job-views.js';
import { OwnJobs } from '../jobs/own-jobs.js';
import { AssetDeletion } from './asset-deletion.js';
import { RecentlyDeleted } from './recently-deleted.js';

@Controller('api/assets')
export class AssetsController {
  constructor(
    private readonly bus: Bus,
    private readonly ownJobs: OwnJobs,
    private readonly views: JobViews,
    private readonly deletion: AssetDeletion,
    private readonly recentlyDeleted: RecentlyDeleted,
  ) {}

  /** A page may be shorter than its limit: what was deleted a moment ago is left out of it. */
  @Get()
  async list(@Query() query: unknown, @From() { accountKey }: Caller) {
    const { jobId, type, from, to, cursor, limit } = checkedQuery(ListAssetsQuery, query);
    const times = { from: from && instant(from), to: to && instant(to) };
    const request = { accountKey, jobId: jobId?.toLowerCase(), type, ...times, cursor, limit };
    const page = await ask(this.bus, 'assets.list', request);
    const there = page.assets.filter(({ id }) => !this.recentlyDeleted.has(id));
    const assets = there.map((asset) => this.views.asset(asset.jobId, asset.jobType, asset));
    return { assets, next_cursor: page.nextCursor };
  }

  @Get(':id')
  async get(@Param('id') id: string, @From() caller: Caller): Promise<AssetView> {
    const { job, asset } = await this.find(id, caller);
    return this.views.asset(job.requested.jobId, job.requested.jobType, asset);
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(@Param('id') id: string, @From() caller: Caller): Promise<void> {
    const { job, asset } = await this.find(id, caller);
    await this.deletion.delete(job.requested.jobId, asset, caller.userId);
  }

  private async find(id: string, caller: Caller) {
    const place = parseAssetId(id.toLowerCase());
    if (!place) throw new ApiError('unknown_asset');
    const job = await this.ownJobs.find(place.jobId, caller, 'unknown_asset');
    const asset = liveAssets(job).find(({ index }) => index === place.index);
    if (!asset || this.recentlyDeleted.has(asset.id)) throw new ApiError('unknown_asset');
    return { job, asset };
  }
}
