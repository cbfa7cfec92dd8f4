import { Controller, Get, Query } from '@nestjs/common';
import type { QueueStatusAnswer, QueueView } from '#contracts/http/answers.js';
import { QUEUE_NAMES, type QueueName } from '#contracts/job-catalogue.js';
import { Bus } from '#eventing/bus.js';
import { ask, QueryUnavailableError } from '#eventing/request-reply.js';
import { From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { pastMoment } from '../http/past-moment.js';
import { JobDurations } from './job-durations.js';
import { QueueGauge, type QueueNumbers } from './queue-gauge.js';

const OWN_JOBS_TIMEOUT_MS = 1_000;

@Controller('api/queue-status')
export class QueueStatusController {
  constructor(
    private readonly bus: Bus,
    private readonly gauge: QueueGauge,
    private readonly durations: JobDurations,
  ) {}

  @Get()
  async status(@Query() query: unknown, @From() caller: Caller): Promise<QueueStatusAnswer> {
    const at = pastMoment(query, caller);
    if (at !== undefined) return this.pastStatus(at, caller);
    const mine = await this.openJobsOf(caller);
    if (!this.gauge.isFresh) throw new ApiError('queue_unavailable', { details: 'the queues cannot be read' });
    return answerOf(mine, (queue) => this.gauge.numbers(queue), this.durations);
  }

  private async pastStatus(at: string, { accountKey }: Caller): Promise<QueueStatusAnswer> {
    const { queues, mine, durations } = await ask(this.bus, 'queues.past', { at, accountKey });
    const then = new JobDurations();
    then.recall(durations);
    return answerOf(mine, (queue) => queues[queue], then);
  }

  /** The numbers of the queues do not need the database; without it only the caller's own are missing. */
  private async openJobsOf({ accountKey }: Caller): Promise<QueueStatusAnswer['mine']> {
    try {
      return await ask(this.bus, 'jobs.open', { accountKey }, OWN_JOBS_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof QueryUnavailableError)) throw error;
      this.bus.log.debug({ err: error }, 'own jobs could not be counted');
      return null;
    }
  }
}

function answerOf(
  mine: QueueStatusAnswer['mine'],
  numbersOf: (queue: QueueName) => QueueNumbers,
  durations: JobDurations,
): QueueStatusAnswer {
  const views = QUEUE_NAMES.map((queue) => [queue, viewOf(queue, numbersOf(queue), durations)] as const);
  const queueDepth = views.reduce((sum, [, { waiting, processing }]) => sum + waiting + processing, 0);
  return { queueDepth, queues: Object.fromEntries(views) as Record<QueueName, QueueView>, mine };
}

function viewOf(queue: QueueName, numbers: QueueNumbers, durations: JobDurations): QueueView {
  return {
    ...numbers,
    averageSeconds: rounded(durations.averageOf(queue)),
    estimatedWaitSeconds: rounded(durations.waitOf(queue, numbers)),
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
