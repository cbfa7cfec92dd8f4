import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../auth/authentication.js';
import { LiveJobs } from './live-jobs.js';
import { OwnJobs } from './own-jobs.js';

@Controller('api/jobs/:id/events')
export class JobEventsController {
  constructor(
    private readonly liveJobs: LiveJobs,
    private readonly ownJobs: OwnJobs,
  ) {}

  @Get()
  async watch(
    @Param('id') id: string,
    @Query('lastEventId') lastEventId: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const jobId = id.toLowerCase();
    const caller = callerOf(request);
    reply.header('content-type', 'text/event-stream; charset=utf-8');
    reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no');
    if (request.method === 'HEAD') {
      await this.ownJobs.find(jobId, caller);
      return void reply.send('');
    }
    const after = sequenceOf(request.headers['last-event-id'] ?? lastEventId);
    const stream = await this.liveJobs.watch(jobId, caller, after);
    reply.send(stream.body);
  }
}

/** Anything but a sequence is no place to resume from. */
function sequenceOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
