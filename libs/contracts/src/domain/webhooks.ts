/** The webhooks of an account. Pure; the last event tells them all. */
import type { Proposed, Recorded, WebhookEventData } from '../events/registry.js';
import type { Webhook, WebhookRemovalReason } from '../events/webhook-events.js';
import { WEBHOOKS_MAX } from '../limits.js';

export type WebhookEvent = Recorded<keyof WebhookEventData>;
export type WebhookRefusal = 'too_many_webhooks' | 'unknown_webhook';
export type WebhookDecision =
  | { readonly decided: 'append'; readonly event: Proposed<keyof WebhookEventData> }
  | { readonly decided: 'refuse'; readonly reason: WebhookRefusal };

/** In the order in which they were registered. */
export function webhooksOf(last: WebhookEvent | undefined): readonly Webhook[] {
  return last?.data.webhooks ?? [];
}

export function registerWebhook(last: WebhookEvent | undefined, accountKey: string, webhook: Webhook): WebhookDecision {
  const before = webhooksOf(last);
  if (before.length >= WEBHOOKS_MAX) return { decided: 'refuse', reason: 'too_many_webhooks' };
  const data = { webhookId: webhook.id, accountKey, webhooks: [...before, webhook] };
  return { decided: 'append', event: { type: 'WebhookRegistered', data } };
}

/** `removedBy`: the user, where it was one. */
export function removeWebhook(
  last: WebhookEvent | undefined,
  webhook: { readonly accountKey: string; readonly id: string },
  why: { readonly reason: WebhookRemovalReason; readonly removedBy?: string },
): WebhookDecision {
  const before = webhooksOf(last);
  const webhooks = before.filter(({ id }) => id !== webhook.id);
  if (webhooks.length === before.length) return { decided: 'refuse', reason: 'unknown_webhook' };
  const data = { webhookId: webhook.id, accountKey: webhook.accountKey, webhooks, ...why };
  return { decided: 'append', event: { type: 'WebhookRemoved', data } };
}
