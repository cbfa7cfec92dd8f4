import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Job } from '#contracts/domain/job.js';
import { type ClaimedJob, type JobCallbackAnswer, WorkerClaimRequest } from '#contracts/http/outside-workers.js';
import { Bus } from '#eventing/bus.js';
import { command } from '#eventing/request-reply.js';
import { Addresses } from '../addresses.js';
import { checkedBody } from '../http/checked.js';
import { orQueueUnavailable } from './queue-unavailable.js';
import { WorkClaims } from './work-claims.js';
import { workOrder } from './work-order.js';
import { jobAfter, readCallback } from './worker-word.js';

/** For workers that do not speak NATS. Jobs decides what their word is worth: the gateway may not complete a job. */
@Controller('api')
export class OutsideWorkersController {
  constructor(
    private readonly bus: Bus,
    private readonly claims: WorkClaims,
    private readonly addresses: Addresses,
  ) {}

  @Post('worker/claim')
  @HttpCode(200)
  async claim(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ClaimedJob | undefined> {
    const wish = checkedBody(WorkerClaimRequest, request.body);
    const claimed = await this.claims.wait(wish, goneSignal(reply));
    if (claimed) return workOrder({ ...claimed, uploadUrl: (upload) => this.addresses.upload(upload) });
    reply.status(204);
    return undefined;
  }

  @Post('job-callback')
  @HttpCode(200)
  async callback(@Req() { body }: FastifyRequest): Promise<JobCallbackAnswer> {
    const word = readCallback(body, this.addresses.publicUrl);
    const job = jobAfter(await orQueueUnavailable(command(this.bus, 'worker.callback', word)));
    return { success: true, message: messageOf(job) };
  }
}

function messageOf(job: Job): string {
  return job.status === 'failed' ? `The job has failed: ${job.failed.message}` : `The job is ${job.status}.`;
}

/** Aborts when the client hangs up before it has its answer. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
