import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { QueueJobAnswer } from '#contracts/http/answers.js';
import { callerOf } from '../auth/authentication.js';
import { traceparentOf } from '../http/request-ids.js';
import { RecentJobs } from '../images-and-videos/recent-jobs.js';
import { idempotencyOf } from './idempotency.js';
import { JobSubmission } from './job-submission.js';
import { JobViews } from './job-views.js';
import { readQueueJobBody } from './queue-job-body.js';

@Controller('api/queue-job')
export class QueueJobController {
  constructor(
    private readonly submission: JobSubmission,
    private readonly views: JobViews,
    private readonly recent: RecentJobs,
  ) {}

  @Post()
  @HttpCode(200)
  async queueJob(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<QueueJobAnswer> {
    const wish = readQueueJobBody(request.body);
    const caller = callerOf(request);
    const idempotency = idempotencyOf(request.headers['idempotency-key'], caller.accountKey, request.body);
    const context = { traceparent: traceparentOf(request), idempotency };
    const { job, place, replayed } = await this.submission.submit(wish, caller, context);
    if (!replayed) this.recent.remember(job.requested);
    if (replayed) reply.header('idempotent-replayed', 'true');
    const view = this.views.of(job);
    const { entry } = wish;
    return {
      success: true,
      job: view,
      message: 'Job queued successfully',
      queueLength: place.length,
      modelVariant: entry.modelVariant,
      jobType: entry.jobType,
      queue: entry.queue,
      isSDXL: entry.isSdxl,
      negativePromptSupported: entry.negativePromptSupported,
      queuePosition: view.queuePosition ?? place.position,
      estimatedSeconds: view.estimatedSeconds ?? 1,
      urls: view.urls,
    };
  }
}
