import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { QueueJobAnswer } from '#contracts/http/answers.js';
import { callerOf } from '../auth/authentication.js';
import { traceparentOf } from '../http/request-ids.js';
import { JobSubmission } from './job-submission.js';
import { JobViews } from './job-views.js';
import { readQueueJobBody } from './queue-job-body.js';

@Controller('api/queue-job')
export class QueueJobController {
  constructor(
    private readonly submission: JobSubmission,
    private readonly views: JobViews,
  ) {}

  @Post()
  @HttpCode(200)
  async queueJob(@Req() request: FastifyRequest): Promise<QueueJobAnswer> {
    const wish = readQueueJobBody(request.body);
    const { job, place } = await this.submission.submit(wish, callerOf(request), traceparentOf(request));
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
