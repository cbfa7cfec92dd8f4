import { Controller, Get, Query } from '@nestjs/common';
import { PageQuery } from '#contracts/http/list-queries.js';
import {
  type DeadLettersPage,
  type DeadLetterView,
  type EnginesWorkers,
  type EngineWorkers,
  type MetricsSummary,
  MetricsSummaryQuery,
  type WorkersAnswer,
  type WorkerView,
} from '#contracts/http/operations.js';
import type { ListedDeadLetter } from '#contracts/queries.js';
import { ENGINES, type EngineName } from '#contracts/streams.js';
import { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import { type HeardWorker, WorkerRoster } from '#eventing/workers.js';
import { OperatorsOnly } from '../auth/operators-only.js';
import { ApiError } from '../http/api-error.js';
import { checkedQuery } from '../http/checked.js';
import { QueueGauge } from '../queue/queue-gauge.js';
import { Metrics } from './metrics.js';
import { metricsSummary } from './metrics-summary.js';

/** What operators see of the platform. */
@Controller('api/admin')
@OperatorsOnly()
export class OperatorController {
  constructor(
    private readonly bus: Bus,
    private readonly roster: WorkerRoster,
    private readonly gauge: QueueGauge,
    private readonly metrics: Metrics,
  ) {}

  @Get('workers')
  workers(): WorkersAnswer {
    // Nobody is heard without NATS: that says nothing about the workers.
    if (!this.bus.isConnected()) throw new ApiError('queue_unavailable', { details: 'NATS is away' });
    const heard = this.roster.list();
    const engines = Object.fromEntries(ENGINES.map((engine) => [engine, countOf(heard, engine)]));
    return { workers: heard.map(workerView).sort(byEngine), engines: engines as unknown as EnginesWorkers };
  }

  @Get('metrics-summary')
  async summary(@Query() query: unknown): Promise<MetricsSummary> {
    const { hours } = checkedQuery(MetricsSummaryQuery, query);
    const summary = await ask(this.bus, 'operations.summary', { hours });
    return metricsSummary(summary, this.gauge, await this.metrics.apiResponseMs());
  }

  @Get('dead-letters')
  async deadLetters(@Query() query: unknown): Promise<DeadLettersPage> {
    const { cursor, limit } = checkedQuery(PageQuery, query);
    const page = await ask(this.bus, 'dead-letters.list', { cursor, limit });
    return { dead_letters: page.letters.map(letterView), next_cursor: page.nextCursor };
  }
}

function workerView({ worker, engine, state, jobId, startedAt, heardAt, outside = false }: HeardWorker): WorkerView {
  return {
    id: worker,
    engine,
    // Who leaves is struck off the list at once.
    state: state === 'leaving' ? 'draining' : state,
    job_id: jobId ?? null,
    started_at: outside ? null : startedAt,
    last_heard_at: heardAt,
    outside,
  };
}

function countOf(heard: readonly HeardWorker[], engine: EngineName): EngineWorkers {
  const own = heard.filter((worker) => worker.engine === engine);
  return { workers: own.length, busy: own.filter(({ jobId }) => jobId !== undefined).length };
}

function byEngine(a: WorkerView, b: WorkerView): number {
  return ENGINES.indexOf(a.engine) - ENGINES.indexOf(b.engine) || (a.id < b.id ? -1 : 1);
}

function letterView({ jobId, jobStatus, subject, ...letter }: ListedDeadLetter): DeadLetterView {
  const { at, reason, consumer, deliveries, detail, sequence, outcome } = letter;
  const told = { at, reason, consumer, deliveries, detail, sequence, subject: subject ?? null };
  return { ...told, job_id: jobId ?? null, job_status: jobStatus ?? null, outcome };
}
