import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { isFavorite } from '#contracts/domain/job.js';
import type { AssetsPage, AssetView } from '#contracts/http/answers.js';
import { ChangeAssetRequest } from '#contracts/http/assets.js';
import { ListAssetsQuery } from '#contracts/http/list-queries.js';
import { callerOf, From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { checkedBody, checkedQuery } from '../http/checked.js';
import { traceparentOf } from '../http/request-ids.js';
import { JobViews } from '../jobs/job-views.js';
import { AssetDeletion } from './asset-deletion.js';
import { AssetFavorites } from './asset-favorites.js';
import { OwnAssets } from './own-assets.js';

@Controller('api/assets')
export class AssetsController {
  constructor(
    private readonly ownAssets: OwnAssets,
    private readonly views: JobViews,
    private readonly favorites: AssetFavorites,
    private readonly deletion: AssetDeletion,
  ) {}

  /** A page may be shorter than its limit: what was deleted a moment ago is left out of it. */
  @Get()
  async list(@Query() query: unknown, @From() caller: Caller): Promise<AssetsPage> {
    const page = await this.ownAssets.list(checkedQuery(ListAssetsQuery, query), caller);
    const assets = page.assets.map((asset) => this.views.asset(asset.jobId, asset.jobType, asset, asset.favorite));
    return { assets, next_cursor: page.nextCursor };
  }

  @Get(':id')
  async get(@Param('id') id: string, @From() caller: Caller): Promise<AssetView> {
    const { job, asset } = await this.ownAssets.find(id, caller);
    return this.views.asset(job.requested.jobId, job.requested.jobType, asset, isFavorite(job, asset.index));
  }

  @Patch(':id')
  async change(@Param('id') id: string, @Body() body: unknown, @Req() request: FastifyRequest): Promise<AssetView> {
    const { favorite } = checkedBody(ChangeAssetRequest, body);
    const caller = callerOf(request);
    const { job, asset } = await this.ownAssets.find(id, caller);
    const wish = { index: asset.index, favorite, favoritedBy: caller.userId };
    const after = await this.favorites.mark(job, wish, traceparentOf(request));
    return this.views.asset(job.requested.jobId, job.requested.jobType, asset, isFavorite(after, asset.index));
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(@Param('id') id: string, @From() caller: Caller): Promise<void> {
    const { job, asset } = await this.ownAssets.find(id, caller);
    await this.deletion.delete(job, asset, caller.userId);
  }
}
