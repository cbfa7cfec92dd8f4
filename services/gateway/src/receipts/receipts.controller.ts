import { Controller, Get, Param } from '@nestjs/common';
import { isEnded } from '#contracts/domain/job.js';
import type { JobReceipt, ReceiptKey } from '#contracts/http/receipts.js';
import { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import { From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { OwnJobs } from '../jobs/own-jobs.js';

/** The key changes with a restart of the jobs service, if ever; strangers may ask for it as often as they like. */
const KEY_KEPT_MS = 10_000;

@Controller('api')
export class ReceiptsController {
  private known: { readonly key: Promise<ReceiptKey | null>; readonly until: number } | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly ownJobs: OwnJobs,
  ) {}

  @Get('jobs/:id/receipt')
  async receipt(@Param('id') id: string, @From() caller: Caller): Promise<JobReceipt> {
    const job = await this.ownJobs.find(id.toLowerCase(), caller);
    if (!isEnded(job)) throw new ApiError('receipt_not_ready', { details: `the job is ${job.status}` });
    const answer = await ask(this.bus, 'jobs.receipt', { jobId: job.requested.jobId });
    if (answer.outcome === 'signed') return answer.receipt;
    if (answer.outcome === 'off') throw new ApiError('receipts_off');
    throw new ApiError('receipt_not_ready', { details: 'the credits of the job are not settled yet' });
  }

  @Get('receipt-key')
  async key(): Promise<ReceiptKey> {
    const key = await this.currentKey();
    if (!key) throw new ApiError('receipts_off');
    return key;
  }

  private async currentKey(): Promise<ReceiptKey | null> {
    const now = performance.now();
    if (!this.known || now >= this.known.until) {
      const key = ask(this.bus, 'receipts.key', {}).then((answer) => answer.key);
      this.known = { key, until: now + KEY_KEPT_MS };
    }
    const { key } = this.known;
    return key.catch((error: unknown) => {
      if (this.known?.key === key) this.known = undefined;
      throw error;
    });
  }
}
