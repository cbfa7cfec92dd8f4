import { Controller, Get } from '@nestjs/common';
import type { QueueStatusAnswer, QueueView } from '#contracts/http/answers.js';
import { QUEUE_NAMES, type QueueName } from '#contracts/job-catalogue.js';
import { Bus } from '#eventing/bus.js';
import { ask, QueryUnavailableError } from '#eventing/request-reply.js';
import { From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { JobDurations } from './job-durations.js';
import { QueueGauge } from './queue-gauge.js';

const OWN_JOBS_TIMEOUT_MS = 1_000;

@Controller('api/queue-status')
export class QueueStatusController {
  constructor(
    private readonly bus: Bus,
    private readonly gauge: QueueGauge,
    private readonly durations: JobDurations,
  ) {}

  @Get()
  async status(@From() caller: Caller): Promise<QueueStatusAnswer> {
    const mine = await this.openJobsOf(caller);
    if (!this.gauge.isFresh) throw new ApiError('queue_unavailable', { details: 'the queues cannot be read' });
    const views = QUEUE_NAMES.map((queue) => [queue, this.viewOf(queue)] as const);
    const queueDepth = views.reduce((sum, [, { waiting, processing }]) => sum + waiting + processing, 0);
    return { queueDepth, queues: Object.fromEntries(views) as Record<QueueName, QueueView>, mine };
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

  private viewOf(queue: QueueName): QueueView {
    const numbers = this.gauge.numbers(queue);
    return {
      ...numbers,
      averageSeconds: rounded(this.durations.averageOf(queue)),
      estimatedWaitSeconds: rounded(this.durations.waitOf(queue, numbers)),
    };
  }
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
