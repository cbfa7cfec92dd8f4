/** Delivers what is due: many at once, few of them to the same webhook. */
import { removeWebhook } from '#contracts/domain/webhooks.js';
import type { WebhookEventData } from '#contracts/events/registry.js';
import { webhookSubject } from '#contracts/subjects.js';
import type { SubjectStore } from '#eventing/subject-store.js';
import type { Log } from '#service-kit/log.js';
import { signature, webhookSecret } from '#webhooks/secret.js';
import type { WebhookSettings } from '#webhooks/settings.js';
import type { Database } from '../database/database.js';
import { Doorbell } from '../doorbell.js';
import type { JobsMetrics } from '../metrics.js';
import { repeatedly } from '../repeating.js';
import { nameServers, type Resolve, systemNames } from './addresses.js';
import { type DueDelivery, deleteEnded, dueDeliveries, recordAttempt } from './delivery-statements.js';
import { messageId } from './message-id.js';
import { post } from './post.js';
import { type AttemptResult, type NextStep, nextStep, problemOf } from './retrying.js';

/** One slow receiver holds few of all places; a user with all webhooks slow holds a sixth of them. */
const MOST_AT_ONCE = { perWebhook: 4, all: 256 };
const TIMEOUT_MS = 15_000;
/** What becomes due by itself is found at most this much later. */
const POLL_MS = 1_000;
const KEPT_MS = 30 * 24 * 3_600_000;
const CLEANING_MS = 3_600_000;
const MOST_DELETED = 10_000;

export interface SenderSurroundings {
  readonly database: Database;
  readonly store: SubjectStore<keyof WebhookEventData>;
  readonly settings: WebhookSettings;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly metrics: JobsMetrics;
  readonly log: Log;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
}

/**
 * A try is recorded when it is over. A process that dies before leaves the delivery as it was, and the next one tries
 * again under the same id: at least once, and receivers know a second one by its id.
 */
export class WebhookSender {
  /** Rings when there is something new to deliver, or room for more. */
  readonly bell = new Doorbell();
  private readonly underWay = new Map<string, { readonly webhookId: string; readonly done: Promise<void> }>();
  private readonly resolve: Resolve;
  private cleanedAt = 0;

  constructor(private readonly around: SenderSurroundings) {
    this.resolve = around.resolve ?? (around.settings.allowPrivate ? systemNames : nameServers());
  }

  /** Tries under way when the signal comes are broken off. */
  async run(signal: AbortSignal): Promise<void> {
    await repeatedly({ what: 'webhook deliveries', log: this.around.log, signal }, async () => {
      await this.forgetOld();
      if ((await this.startDue(signal)) === 0) await this.bell.wait(POLL_MS, signal);
    });
    await this.settled();
  }

  /** Starts what is due, as far as there is room; resolves with how many that were. */
  async startDue(signal: AbortSignal): Promise<number> {
    const { database, clock } = this.around;
    const room = MOST_AT_ONCE.all - this.underWay.size;
    if (room === 0) return 0;
    const but = { underWay: [...this.underWay.keys()], busyWebhooks: this.busyWebhooks() };
    const due = await dueDeliveries(database, clock(), but, { ...MOST_AT_ONCE, all: room });
    const started = due.filter((delivery) => this.start(delivery, signal));
    return started.length;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all([...this.underWay.values()].map(({ done }) => done));
  }

  private start(delivery: DueDelivery, signal: AbortSignal): boolean {
    const { id, webhookId } = delivery;
    if (this.countUnderWay(webhookId) >= MOST_AT_ONCE.perWebhook) return false;
    const done = this.deliver(delivery, signal)
      .catch((error: unknown) => this.around.log.warn({ err: error, deliveryId: id }, 'a try was not recorded'))
      .finally(() => {
        this.underWay.delete(id);
        this.bell.ring();
      });
    this.underWay.set(id, { webhookId, done });
    return true;
  }

  private async deliver(delivery: DueDelivery, signal: AbortSignal): Promise<void> {
    const { settings, clock, timeoutMs = TIMEOUT_MS, random = Math.random } = this.around;
    const at = clock();
    const startedAt = performance.now();
    const posting = { url: delivery.url, headers: headersOf(delivery, settings.secret, at), body: delivery.body };
    const result = await post(posting, { policy: settings, resolve: this.resolve, timeoutMs, signal });
    if (!result) return;
    const step = nextStep(delivery.attempts + 1, result, random());
    if (step.status === 'failed' && step.gone) await this.removeWebhook(delivery);
    const durationMs = Math.round(performance.now() - startedAt);
    await this.record(delivery, { at, durationMs, result, step });
  }

  private async record(
    delivery: DueDelivery,
    { at, durationMs, result, step }: { at: number; durationMs: number; result: AttemptResult; step: NextStep },
  ): Promise<void> {
    const { database, clock, metrics } = this.around;
    const attempt = {
      attempt: delivery.attempts + 1,
      at: new Date(at).toISOString(),
      duration_ms: durationMs,
      status_code: result.kind === 'answered' ? result.status : null,
      error: problemOf(result),
    };
    await recordAttempt(database, delivery.id, attempt, step, clock());
    const failed = result.kind === 'answered' ? 'refused' : result.kind;
    metrics.webhookAttempts.inc({ result: step.status === 'delivered' ? 'delivered' : failed });
    if (step.status !== 'pending') metrics.webhookDeliveries.inc({ result: step.status });
  }

  private async removeWebhook({ accountKey, webhookId }: DueDelivery): Promise<void> {
    const place = { subject: webhookSubject(accountKey), subjectId: webhookId };
    const webhook = { accountKey, id: webhookId };
    const { outcome } = await this.around.store.execute(place, (last) =>
      removeWebhook(last, webhook, { reason: 'gone' }),
    );
    this.around.log.info({ webhookId, outcome }, 'a receiver wants no more: its webhook is removed');
  }

  private async forgetOld(): Promise<void> {
    const { database, clock } = this.around;
    const now = clock();
    if (now - this.cleanedAt < CLEANING_MS) return;
    const deleted = await deleteEnded(database, now - KEPT_MS, MOST_DELETED);
    if (deleted < MOST_DELETED) this.cleanedAt = now;
  }

  private busyWebhooks(): string[] {
    const ids = new Set([...this.underWay.values()].map(({ webhookId }) => webhookId));
    return [...ids].filter((id) => this.countUnderWay(id) >= MOST_AT_ONCE.perWebhook);
  }

  private countUnderWay(webhookId: string): number {
    return [...this.underWay.values()].filter((one) => one.webhookId === webhookId).length;
  }
}

/** The time is that of the try: receivers refuse what was signed long ago. */
function headersOf({ id, webhookId, body }: DueDelivery, platformSecret: string, now: number): Record<string, string> {
  const timestamp = Math.floor(now / 1_000);
  const message = { id: messageId(id), timestamp, body };
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'OurVidz-Webhooks/1',
    'webhook-id': message.id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature(webhookSecret(platformSecret, webhookId), message),
  };
}
