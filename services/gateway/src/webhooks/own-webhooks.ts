/** The webhooks of a caller, as their last event tells them: what was registered is there at once, at any gateway. */
import { Inject, Injectable } from '@nestjs/common';
import { registerWebhook, removeWebhook, type WebhookDecision, webhooksOf } from '#contracts/domain/webhooks.js';
import type { WebhookEventData } from '#contracts/events/registry.js';
import type { Webhook } from '#contracts/events/webhook-events.js';
import { newWebhookId } from '#contracts/ids.js';
import { WEBHOOKS_MAX } from '#contracts/limits.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { webhookSubject } from '#contracts/subjects.js';
import type { WebhookTopic } from '#contracts/webhook-topics.js';
import { Bus } from '#eventing/bus.js';
import { isOutage } from '#eventing/errors.js';
import { SubjectStore } from '#eventing/subject-store.js';
import { webhookSecret } from '#webhooks/secret.js';
import type { WebhookSettings } from '#webhooks/settings.js';
import { refusalOf } from '#webhooks/target.js';
import type { Caller } from '../auth/token-verifier.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { ApiError } from '../http/api-error.js';
import { unlessAway } from '../unless-away.js';

type Stored = keyof WebhookEventData;

@Injectable()
export class OwnWebhooks {
  private readonly store: SubjectStore<Stored>;

  constructor(
    private readonly bus: Bus,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {
    this.store = new SubjectStore<Stored>(bus, ACCOUNT_STREAM);
  }

  /** The key of a webhook's signatures. */
  secretOf({ id }: Webhook): string {
    return webhookSecret(this.settings().secret, id);
  }

  /** Oldest first. */
  async list({ accountKey }: Caller): Promise<readonly Webhook[]> {
    this.settings();
    const { event } = await this.unlessOut(() => this.store.read(webhookSubject(accountKey)));
    return webhooksOf(event);
  }

  /** @throws ApiError `unknown_webhook` */
  async find(id: string, caller: Caller): Promise<Webhook> {
    const found = (await this.list(caller)).find((webhook) => webhook.id === id.toLowerCase());
    if (!found) throw new ApiError('unknown_webhook');
    return found;
  }

  /** @throws ApiError `invalid_body` for an address where it may not lead, `webhook_limit` */
  async register(
    wish: { url: string; events: readonly WebhookTopic[] },
    { accountKey }: Caller,
    traceparent: string,
  ): Promise<Webhook> {
    const refusal = refusalOf(wish.url, this.settings());
    if (refusal) throw new ApiError('invalid_body', { details: refusal });
    const createdAt = new Date().toISOString();
    const webhook: Webhook = { id: newWebhookId(), url: wish.url, events: [...wish.events], createdAt };
    await this.decide(accountKey, webhook.id, traceparent, (last) => registerWebhook(last, accountKey, webhook));
    return webhook;
  }

  /** @throws ApiError `unknown_webhook` */
  async remove(id: string, caller: Caller, traceparent: string): Promise<void> {
    const { accountKey, userId: removedBy } = caller;
    const webhook = { accountKey, id: (await this.find(id, caller)).id };
    const why = { reason: 'deleted', removedBy } as const;
    await this.decide(accountKey, webhook.id, traceparent, (last) => removeWebhook(last, webhook, why));
  }

  private async decide(
    accountKey: string,
    subjectId: string,
    traceparent: string,
    decide: (last: Parameters<typeof registerWebhook>[0]) => WebhookDecision,
  ): Promise<void> {
    const place = { subject: webhookSubject(accountKey), subjectId };
    const result = await this.unlessOut(() => this.store.execute(place, decide, { traceparent }));
    if (result.outcome === 'appended') return;
    if (result.reason === 'unknown_webhook') throw new ApiError('unknown_webhook');
    throw new ApiError('webhook_limit', { details: `a user may have ${WEBHOOKS_MAX} webhooks` });
  }

  private async unlessOut<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await unlessAway(this.bus, work);
    } catch (error) {
      if (isOutage(error)) throw new ApiError('webhooks_unavailable', { cause: error });
      throw error;
    }
  }

  private settings(): WebhookSettings {
    const { webhooks } = this.configuration;
    if (!webhooks) throw new ApiError('webhooks_disabled', { details: 'WEBHOOK_SECRET is not set' });
    return webhooks;
  }
}
