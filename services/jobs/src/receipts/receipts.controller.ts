import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { isUuid } from '#contracts/ids.js';
import type { Queries, QueryName } from '#contracts/queries.js';
import { ReceiptIssuer } from './receipt-issuer.js';

@Controller()
export class ReceiptsController {
  constructor(private readonly issuer: ReceiptIssuer) {}

  @MessagePattern('jobs.receipt' satisfies QueryName)
  async receipt(@Payload() { jobId }: Queries['jobs.receipt']['request']): Promise<Queries['jobs.receipt']['answer']> {
    return isUuid(jobId) ? this.issuer.receipt(jobId) : { outcome: 'not_ready' };
  }

  @MessagePattern('receipts.key' satisfies QueryName)
  key(): Queries['receipts.key']['answer'] {
    return { key: this.issuer.key?.public ?? null };
  }
}
