import { describe, expect, it } from 'vitest';
import { registerWebhook, removeWebhook, type WebhookEvent, webhooksOf } from '#contracts/domain/webhooks.js';
import type { Webhook } from '#contracts/events/webhook-events.js';
import { deliveryIdOf, isUuid, newWebhookId } from '#contracts/ids.js';
import { WEBHOOKS_MAX } from '#contracts/limits.js';

const aWebhook = (): Webhook => ({
  id: newWebhookId(),
  url: 'https://example.com/hook',
  events: ['job.completed'],
  createdAt: '2026-01-01T00:00:00.000Z',
});

function last(webhooks: readonly Webhook[]): WebhookEvent {
  const data = { webhookId: newWebhookId(), accountKey: 'a', webhooks: [...webhooks] };
  return { type: 'WebhookRegistered', id: 'e', time: '2026-01-01T00:00:00.000Z', sequence: 1, data };
}

describe('the webhooks of an account', () => {
  it('when there was no event › there are none', () => {
    expect(webhooksOf(undefined)).toEqual([]);
  });

  it('when one is registered › it stands behind the others', () => {
    const [first, second] = [aWebhook(), aWebhook()];
    expect(registerWebhook(last([first]), 'a', second)).toEqual({
      decided: 'append',
      event: { type: 'WebhookRegistered', data: { webhookId: second.id, accountKey: 'a', webhooks: [first, second] } },
    });
  });

  it('when there are as many as there may be › no further one', () => {
    const full = last(Array.from({ length: WEBHOOKS_MAX }, aWebhook));
    expect(registerWebhook(full, 'a', aWebhook())).toEqual({ decided: 'refuse', reason: 'too_many_webhooks' });
  });

  it('when one is removed › the others stay', () => {
    const [first, second] = [aWebhook(), aWebhook()];
    const decision = removeWebhook(last([first, second]), { accountKey: 'a', id: first.id }, { reason: 'gone' });
    expect(decision).toMatchObject({ event: { data: { webhookId: first.id, webhooks: [second], reason: 'gone' } } });
  });

  it('when it is not there › it cannot be removed', () => {
    const decision = removeWebhook(last([aWebhook()]), { accountKey: 'a', id: newWebhookId() }, { reason: 'deleted' });
    expect(decision).toEqual({ decided: 'refuse', reason: 'unknown_webhook' });
  });
});

describe('the id of a delivery', () => {
  it('is the same for the same event and webhook, and another for any other', () => {
    const [event, one, other] = [newWebhookId(), newWebhookId(), newWebhookId()];
    expect(deliveryIdOf(event, one)).toBe(deliveryIdOf(event, one));
    expect(isUuid(deliveryIdOf(event, one))).toBe(true);
    expect(deliveryIdOf(event, other)).not.toBe(deliveryIdOf(event, one));
    expect(deliveryIdOf(one, event)).not.toBe(deliveryIdOf(event, one));
  });
});
