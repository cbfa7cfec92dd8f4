import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { isUuid } from '#contracts/ids.js';
import type { Queries, QueryName } from '#contracts/queries.js';
import { Database } from '../database/database.js';
import { listAssets } from './asset-lists.js';
import { countOpen, getJob, listJobs } from './job-lists.js';

type Request<N extends QueryName> = Queries[N]['request'];
type Answer<N extends QueryName> = Promise<Queries[N]['answer']>;

/** Answers what the gateway asks. */
@Controller()
export class QueriesController {
  constructor(private readonly database: Database) {}

  @MessagePattern('jobs.list' satisfies QueryName)
  listJobs(@Payload() request: Request<'jobs.list'>): Answer<'jobs.list'> {
    return listJobs(this.database, request);
  }

  @MessagePattern('jobs.get' satisfies QueryName)
  async getJob(@Payload() { jobId }: Request<'jobs.get'>): Answer<'jobs.get'> {
    return { job: isUuid(jobId) ? await getJob(this.database, jobId) : null };
  }

  @MessagePattern('jobs.open' satisfies QueryName)
  countOpen(@Payload() { accountKey }: Request<'jobs.open'>): Answer<'jobs.open'> {
    return countOpen(this.database, accountKey);
  }

  @MessagePattern('assets.list' satisfies QueryName)
  listAssets(@Payload() request: Request<'assets.list'>): Answer<'assets.list'> {
    return listAssets(this.database, request);
  }
}
