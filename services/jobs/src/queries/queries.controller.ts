import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { isUuid } from '#contracts/ids.js';
import type { Queries, QueryName } from '#contracts/queries.js';
import { Bus } from '#eventing/bus.js';
import { Database } from '../database/database.js';
import { listAssets } from './asset-lists.js';
import { listDeadLetters } from './dead-letter-lists.js';
import { listDeliveries } from './delivery-lists.js';
import { jobHistory } from './job-history.js';
import { countOpen, getJob, latestJob, listJobs } from './job-lists.js';
import { keyedGrant } from './keyed-grants.js';
import { operationsSummary } from './operations-summary.js';
import { pastJob, pastQueues } from './past.js';
import { countProjects, listProjects } from './project-lists.js';
import { recentDurations } from './queue-durations.js';
import { listUsage } from './usage-lists.js';

type Request<N extends QueryName> = Queries[N]['request'];
type Answer<N extends QueryName> = Promise<Queries[N]['answer']>;

/** Answers what the gateway asks. */
@Controller()
export class QueriesController {
  constructor(
    private readonly database: Database,
    private readonly bus: Bus,
  ) {}

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

  @MessagePattern('jobs.latest' satisfies QueryName)
  async latestJob(@Payload() media: Request<'jobs.latest'>): Answer<'jobs.latest'> {
    return { jobId: isUuid(media.id) ? await latestJob(this.database, media) : null };
  }

  @MessagePattern('jobs.history' satisfies QueryName)
  jobHistory(@Payload() request: Request<'jobs.history'>): Answer<'jobs.history'> {
    return jobHistory(this.database, request);
  }

  @MessagePattern('jobs.past' satisfies QueryName)
  async pastJob(@Payload() { jobId, at }: Request<'jobs.past'>): Answer<'jobs.past'> {
    return { job: isUuid(jobId) ? await pastJob(this.database, jobId, at) : null };
  }

  @MessagePattern('queues.past' satisfies QueryName)
  pastQueues(@Payload() request: Request<'queues.past'>): Answer<'queues.past'> {
    return pastQueues(this.database, request);
  }

  @MessagePattern('queue.durations' satisfies QueryName)
  recentDurations(): Answer<'queue.durations'> {
    return recentDurations(this.database);
  }

  @MessagePattern('projects.list' satisfies QueryName)
  listProjects(@Payload() request: Request<'projects.list'>): Answer<'projects.list'> {
    return listProjects(this.database, request);
  }

  @MessagePattern('projects.count' satisfies QueryName)
  countProjects(@Payload() { accountKey }: Request<'projects.count'>): Answer<'projects.count'> {
    return countProjects(this.database, accountKey);
  }

  @MessagePattern('assets.list' satisfies QueryName)
  listAssets(@Payload() request: Request<'assets.list'>): Answer<'assets.list'> {
    return listAssets(this.database, request);
  }

  @MessagePattern('webhooks.deliveries' satisfies QueryName)
  listDeliveries(@Payload() request: Request<'webhooks.deliveries'>): Answer<'webhooks.deliveries'> {
    return listDeliveries(this.database, request);
  }

  @MessagePattern('credits.keyed-grant' satisfies QueryName)
  async keyedGrant(@Payload() request: Request<'credits.keyed-grant'>): Answer<'credits.keyed-grant'> {
    return { grant: await keyedGrant(this.database, request) };
  }

  @MessagePattern('usage.list' satisfies QueryName)
  listUsage(@Payload() request: Request<'usage.list'>): Answer<'usage.list'> {
    return listUsage(this.database, request);
  }

  @MessagePattern('operations.summary' satisfies QueryName)
  summary(@Payload() { hours }: Request<'operations.summary'>): Answer<'operations.summary'> {
    return operationsSummary(this.database, hours, Date.now());
  }

  @MessagePattern('dead-letters.list' satisfies QueryName)
  listDeadLetters(@Payload() request: Request<'dead-letters.list'>): Answer<'dead-letters.list'> {
    return listDeadLetters(this.bus, this.database, request);
  }
}
