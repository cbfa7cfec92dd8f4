/** What the leader does for webhooks: plans deliveries as the log grows, and makes them. */
import type { WebhookEventData } from '#contracts/events/registry.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import type { Bus } from '#eventing/bus.js';
import { SubjectStore } from '#eventing/subject-store.js';
import type { Log } from '#service-kit/log.js';
import type { WebhookSettings } from '#webhooks/settings.js';
import type { Database } from '../database/database.js';
import type { JobsMetrics } from '../metrics.js';
import { WebhookPlanner } from './webhook-planner.js';
import { WebhookSender } from './webhook-sender.js';

export interface DeliverySettings extends WebhookSettings {
  /** What addresses in messages begin with, without a trailing slash. */
  readonly publicUrl: string;
}

interface Surroundings {
  readonly bus: Bus;
  readonly database: Database;
  readonly metrics: JobsMetrics;
  readonly log: Log;
}

export class WebhookWork {
  private readonly planner: WebhookPlanner;
  private readonly sender: WebhookSender;

  constructor(settings: DeliverySettings, { bus, database, metrics, log }: Surroundings) {
    const store = new SubjectStore<keyof WebhookEventData>(bus, ACCOUNT_STREAM);
    const common = { database, metrics, log, clock: Date.now };
    this.sender = new WebhookSender({ ...common, store, settings });
    const onPlanned = () => this.sender.bell.ring();
    this.planner = new WebhookPlanner({ ...common, publicUrl: settings.publicUrl, onPlanned });
  }

  /** To be called when the webhooks are projected further. */
  wake(): void {
    this.planner.bell.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.planner.run(signal), this.sender.run(signal)]);
  }
}
