import { Controller, Delete, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { JobsPage, JobView } from '#contracts/http/answers.js';
import type { JobHistoryPage } from '#contracts/http/job-history.js';
import { ListJobsQuery, PageQuery } from '#contracts/http/list-queries.js';
import { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import { callerOf, From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { checkedQuery } from '../http/checked.js';
import { pastMoment } from '../http/past-moment.js';
import { traceparentOf } from '../http/request-ids.js';
import { JobCancellation } from './job-cancellation.js';
import { JobHistories } from './job-histories.js';
import { JobViews } from './job-views.js';
import { OwnJobs } from './own-jobs.js';
import { pastJob } from './past-job.js';

@Controller('api/jobs')
export class JobsController {
  constructor(
    private readonly bus: Bus,
    private readonly ownJobs: OwnJobs,
    private readonly views: JobViews,
    private readonly cancellation: JobCancellation,
    private readonly histories: JobHistories,
  ) {}

  @Get()
  async list(@Query() query: unknown, @From() { accountKey }: Caller): Promise<JobsPage> {
    const { status, jobType, projectId, cursor, limit } = checkedQuery(ListJobsQuery, query);
    const filters = { status, jobType, projectId: projectId?.toLowerCase() };
    const page = await ask(this.bus, 'jobs.list', { accountKey, ...filters, cursor, limit });
    return { jobs: page.jobs.map((job) => this.views.of(job)), next_cursor: page.nextCursor };
  }

  @Get(':id')
  async get(@Param('id') id: string, @Query() query: unknown, @From() caller: Caller): Promise<JobView> {
    const at = pastMoment(query, caller);
    if (at !== undefined) return this.views.past(await pastJob(this.bus, id.toLowerCase(), at));
    return this.views.of(await this.ownJobs.find(id.toLowerCase(), caller));
  }

  @Get(':id/history')
  async history(@Param('id') id: string, @Query() query: unknown, @From() caller: Caller): Promise<JobHistoryPage> {
    const page = checkedQuery(PageQuery, query);
    return this.histories.page(await this.ownJobs.find(id.toLowerCase(), caller), page);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  cancel(@Param('id') id: string, @Req() request: FastifyRequest): Promise<JobView> {
    return this.end(id, request);
  }

  @Delete(':id')
  delete(@Param('id') id: string, @Req() request: FastifyRequest): Promise<JobView> {
    return this.end(id, request);
  }

  private async end(id: string, request: FastifyRequest): Promise<JobView> {
    const job = await this.cancellation.cancel(id.toLowerCase(), callerOf(request), traceparentOf(request));
    return this.views.of(job);
  }
}
