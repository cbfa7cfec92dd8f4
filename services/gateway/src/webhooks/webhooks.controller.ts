import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Webhook } from '#contracts/events/webhook-events.js';
import { PageQuery } from '#contracts/http/list-queries.js';
import {
  RegisterWebhookRequest,
  type WebhookDeliveriesPage,
  type WebhooksAnswer,
  type WebhookTestAnswer,
  type WebhookView,
  type WebhookWithSecret,
} from '#contracts/http/webhooks.js';
import { DEFAULT_WEBHOOK_TOPICS } from '#contracts/webhook-topics.js';
import { Bus } from '#eventing/bus.js';
import { ask, command } from '#eventing/request-reply.js';
import { callerOf, From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { checkedBody, checkedQuery } from '../http/checked.js';
import { traceparentOf } from '../http/request-ids.js';
import { OwnWebhooks } from './own-webhooks.js';

@Controller('api/webhooks')
export class WebhooksController {
  constructor(
    private readonly bus: Bus,
    private readonly webhooks: OwnWebhooks,
  ) {}

  @Post()
  @HttpCode(201)
  async register(@Body() body: unknown, @Req() request: FastifyRequest): Promise<WebhookWithSecret> {
    const { url, events } = checkedBody(RegisterWebhookRequest, body);
    const wish = { url, events: events ?? DEFAULT_WEBHOOK_TOPICS };
    const webhook = await this.webhooks.register(wish, callerOf(request), traceparentOf(request));
    return this.withSecret(webhook);
  }

  @Get()
  async list(@From() caller: Caller): Promise<WebhooksAnswer> {
    return { webhooks: (await this.webhooks.list(caller)).map(viewOf) };
  }

  @Get(':id')
  async get(@Param('id') id: string, @From() caller: Caller): Promise<WebhookWithSecret> {
    return this.withSecret(await this.webhooks.find(id, caller));
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(@Param('id') id: string, @Req() request: FastifyRequest): Promise<void> {
    await this.webhooks.remove(id, callerOf(request), traceparentOf(request));
  }

  @Get(':id/deliveries')
  async deliveries(
    @Param('id') id: string,
    @Query() query: unknown,
    @From() caller: Caller,
  ): Promise<WebhookDeliveriesPage> {
    const { cursor, limit } = checkedQuery(PageQuery, query);
    const { id: webhookId } = await this.webhooks.find(id, caller);
    const { accountKey } = caller;
    const page = await ask(this.bus, 'webhooks.deliveries', { accountKey, webhookId, cursor, limit });
    return { deliveries: page.deliveries, next_cursor: page.nextCursor };
  }

  @Post(':id/test')
  @HttpCode(202)
  async test(@Param('id') id: string, @From() caller: Caller): Promise<WebhookTestAnswer> {
    const { id: webhookId } = await this.webhooks.find(id, caller);
    const { accountKey } = caller;
    return command(this.bus, 'webhooks.test', { accountKey, webhookId });
  }

  private withSecret(webhook: Webhook): WebhookWithSecret {
    return { ...viewOf(webhook), secret: this.webhooks.secretOf(webhook) };
  }
}

function viewOf({ id, url, events, createdAt }: Webhook): WebhookView {
  return { id, url, events, created_at: createdAt };
}
