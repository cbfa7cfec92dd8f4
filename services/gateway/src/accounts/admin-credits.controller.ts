import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type CreditsAnswer, GrantCreditsRequest } from '#contracts/http/credits.js';
import { accountKeyOf } from '#contracts/ids.js';
import { Bus } from '#eventing/bus.js';
import { callerOf } from '../auth/authentication.js';
import { OperatorsOnly } from '../auth/operators-only.js';
import { checkedBody } from '../http/checked.js';
import { idempotencyKeyOf } from '../http/idempotency-key.js';
import { traceparentOf } from '../http/request-ids.js';
import { unlessAway } from '../unless-away.js';
import { CreditGrants } from './credit-grants.js';
import { creditsAnswerOf } from './credits.controller.js';

@Controller('api/admin/credits')
@OperatorsOnly()
export class AdminCreditsController {
  constructor(
    private readonly bus: Bus,
    private readonly grants: CreditGrants,
  ) {}

  @Post()
  @HttpCode(200)
  async grant(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CreditsAnswer> {
    const { user_id: userId, amount, reason } = checkedBody(GrantCreditsRequest, body);
    const idempotencyKey = idempotencyKeyOf(request.headers['idempotency-key']);
    const owner = { userId, accountKey: accountKeyOf(userId) };
    const grant = { amount, reason, userId, grantedBy: callerOf(request).userId, idempotencyKey };
    const traceparent = traceparentOf(request);
    const { account, replayed } = await unlessAway(this.bus, (signal) =>
      this.grants.grant(owner, grant, { signal, traceparent }),
    );
    if (replayed) reply.header('idempotent-replayed', 'true');
    return creditsAnswerOf(account);
  }
}
