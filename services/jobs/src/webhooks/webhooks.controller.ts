import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import type { CommandName, Commands } from '#contracts/commands.js';
import { deliveryIdOf, isUuid, newEventId } from '#contracts/ids.js';
import { WEBHOOK_TEST } from '#contracts/webhook-topics.js';
import { QueryRefusedError } from '#eventing/request-reply.js';
import { Database } from '../database/database.js';
import { insertDeliveries, waitingTest } from './delivery-statements.js';
import { messageId } from './message-id.js';
import { testMessage } from './webhook-message.js';

type TestCommand = Commands['webhooks.test'];

/** Carries out what the gateway commands about webhooks. */
@Controller()
export class WebhooksController {
  constructor(private readonly database: Database) {}

  @MessagePattern('webhooks.test' satisfies CommandName)
  async test(@Payload() { accountKey, webhookId }: TestCommand['request']): Promise<TestCommand['answer']> {
    if (!isUuid(webhookId)) throw new QueryRefusedError('internal', 'no webhook has this id');
    const now = Date.now();
    const id = deliveryIdOf(newEventId(), webhookId);
    const body = JSON.stringify(testMessage(new Date(now).toISOString(), webhookId));
    const planned = await insertDeliveries(
      this.database,
      [{ id, webhookId, accountKey, type: WEBHOOK_TEST, body }],
      now,
    );
    const waiting = planned > 0 ? id : await waitingTest(this.database, webhookId);
    return { id: messageId(waiting ?? id) };
  }
}
