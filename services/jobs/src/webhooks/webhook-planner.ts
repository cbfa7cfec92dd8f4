/** Turns events of the log into deliveries, once each. */
import { evolve, type Job } from '#contracts/domain/job.js';
import { type EventType, JOB_HISTORY_TYPES, type JobHistoryEvent } from '#contracts/events/registry.js';
import { deliveryIdOf } from '#contracts/ids.js';
import { WEBHOOK_TOPIC_NAMES, WEBHOOK_TOPICS, type WebhookTopic } from '#contracts/webhook-topics.js';
import type { Log } from '#service-kit/log.js';
import type { Database, Sql, Transaction } from '../database/database.js';
import { Doorbell } from '../doorbell.js';
import { grouped } from '../event-log/histories.js';
import { type LoggedEvent, readLog, readSubjects } from '../event-log/logged-event.js';
import type { JobsMetrics } from '../metrics.js';
import { repeatedly } from '../repeating.js';
import {
  type Delivery,
  dropDeliveries,
  insertDeliveries,
  lockMark,
  moveMark,
  projectedPosition,
} from './delivery-statements.js';
import { RETRYING_MS } from './retrying.js';
import { jobMessage } from './webhook-message.js';

type Announced = (typeof WEBHOOK_TOPICS)[WebhookTopic];
type AnnouncedEvent = LoggedEvent<Announced>;

const TOPIC_OF = Object.fromEntries(WEBHOOK_TOPIC_NAMES.map((topic) => [WEBHOOK_TOPICS[topic], topic])) as Readonly<
  Record<Announced, WebhookTopic>
>;
const ANNOUNCED: readonly EventType[] = Object.values(WEBHOOK_TOPICS);
const TAKES: readonly EventType[] = [...ANNOUNCED, 'WebhookRegistered', 'WebhookRemoved'];
const BATCH_POSITIONS = 500;
/** The projection of another process rings no bell here. */
const POLL_MS = 2_000;
/** How far the clocks of the services and of Postgres may be apart. */
const CLOCKS_APART_MS = 60_000;

interface Surroundings {
  readonly database: Database;
  /** What addresses in messages begin with, without a trailing slash. */
  readonly publicUrl: string;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly metrics: JobsMetrics;
  readonly log: Log;
  /** Called when there is something new to deliver. */
  readonly onPlanned: () => void;
}

/** A webhook that wants to hear of a job. */
interface Subscription {
  readonly job_id: string;
  readonly webhook_id: string;
  readonly account_key: string;
  readonly events: readonly WebhookTopic[];
  readonly created_at: Date;
}

/** One event for one webhook. */
interface Announcement {
  readonly event: AnnouncedEvent;
  readonly to: Subscription;
}

/**
 * Follows the log with a mark of its own, as far as the webhooks are projected. The mark moves in the transaction of the
 * deliveries, and a delivery's id is derived from its event and webhook: nothing is planned twice, whoever leads.
 */
export class WebhookPlanner {
  /** Rings when the webhooks are projected further. */
  readonly bell = new Doorbell();

  constructor(private readonly around: Surroundings) {}

  async run(signal: AbortSignal): Promise<void> {
    await repeatedly({ what: 'webhook planning', log: this.around.log, signal }, async () => {
      if (await this.advance()) return;
      await this.bell.wait(POLL_MS, signal);
    });
  }

  /** Plans one batch of the log; false when there is nothing left. */
  async advance(): Promise<boolean> {
    const { database, onPlanned } = this.around;
    const result = await database.transaction((tx) => this.planBatch(tx), 'soon');
    if (result.planned > 0) onPlanned();
    return result.moved;
  }

  private async planBatch(tx: Transaction): Promise<{ moved: boolean; planned: number }> {
    const after = await lockMark(tx);
    const upTo = Math.min(await projectedPosition(tx), after + BATCH_POSITIONS);
    if (upTo <= after) return { moved: false, planned: 0 };
    const events = await readLog(tx, { after, upTo }, TAKES);
    const announced = [...(await this.loggedBeforeTheirWebhook(tx, events)), ...events.filter(isAnnounced)];
    const planned = await insertDeliveries(tx, await this.deliveries(tx, announced), this.around.clock());
    await this.dropRemoved(tx, events);
    await moveMark(tx, upTo);
    return { moved: true, planned };
  }

  /**
   * Jobs and webhooks come from two streams: what happened after a registration may have been logged before it. Such
   * events are looked for when the registration comes.
   */
  private async loggedBeforeTheirWebhook(tx: Transaction, events: readonly LoggedEvent[]): Promise<AnnouncedEvent[]> {
    const registrations = events.filter((event) => event.type === 'WebhookRegistered');
    const [last] = registrations.slice(-1);
    if (!last) return [];
    const since = Math.max(Math.min(...registrations.map(registeredAt)), this.oldest());
    const [before] = await tx.query<{ position: number }>(LAST_BEFORE, [
      last.position,
      new Date(since - CLOCKS_APART_MS),
    ]);
    const range = { after: before?.position ?? 0, upTo: last.position - 1 };
    return (await readLog(tx, range, ANNOUNCED)).filter(isAnnounced).filter(({ time }) => Date.parse(time) >= since);
  }

  private async deliveries(tx: Transaction, events: readonly AnnouncedEvent[]): Promise<Delivery[]> {
    const announcements = await this.announcements(tx, events);
    if (announcements.length === 0) return [];
    const jobIds = [...new Set(announcements.map(({ to }) => to.job_id))];
    const history = (await readSubjects(tx, jobIds, ...JOB_HISTORY_TYPES)) as LoggedEvent<JobHistoryEvent['type']>[];
    const histories = grouped(history, (event) => event.data.jobId);
    return announcements.flatMap((one) => this.deliveryOf(one, histories.get(one.to.job_id) ?? []) ?? []);
  }

  private async announcements(tx: Transaction, events: readonly AnnouncedEvent[]): Promise<Announcement[]> {
    const recent = events.filter(({ time }) => Date.parse(time) >= this.oldest());
    const subscriptions = await subscriptionsTo(
      tx,
      recent.map(({ data }) => data.jobId),
    );
    const byJob = grouped(subscriptions, ({ job_id }) => job_id);
    return recent.flatMap((event) => {
      const wanted = (byJob.get(event.data.jobId) ?? []).filter((to) => wants(to, event));
      return wanted.map((to) => ({ event, to }));
    });
  }

  /** Undefined when the event changed nothing, or cannot be told: one bad event must not keep back the others. */
  private deliveryOf({ event, to }: Announcement, history: readonly JobEvent[]): Delivery | undefined {
    try {
      const type = TOPIC_OF[event.type];
      const job = jobAt(event.position, history);
      const message = job && jobMessage(type, event.time, job, this.around.publicUrl);
      if (!message) return undefined;
      const { webhook_id: webhookId, account_key: accountKey, job_id: jobId } = to;
      return {
        id: deliveryIdOf(event.id, webhookId),
        webhookId,
        accountKey,
        type,
        jobId,
        body: JSON.stringify(message),
      };
    } catch (error) {
      this.around.log.error({ err: error, eventId: event.id }, 'an event could not be told to a webhook');
      return undefined;
    }
  }

  private async dropRemoved(tx: Transaction, events: readonly LoggedEvent[]): Promise<void> {
    const removed = events.filter((event) => event.type === 'WebhookRemoved');
    const dropped = await dropDeliveries(
      tx,
      removed.map(({ data }) => data.webhookId),
    );
    this.around.metrics.webhookDeliveries.inc({ result: 'dropped' }, dropped);
  }

  private oldest(): number {
    return this.around.clock() - RETRYING_MS;
  }
}

type JobEvent = LoggedEvent<JobHistoryEvent['type']>;

function isAnnounced(event: LoggedEvent): event is AnnouncedEvent {
  return ANNOUNCED.includes(event.type);
}

function registeredAt({ data, time }: LoggedEvent<'WebhookRegistered'>): number {
  const webhook = data.webhooks.find(({ id }) => id === data.webhookId);
  return Date.parse(webhook?.createdAt ?? time);
}

function wants({ events, created_at }: Subscription, { type, time }: AnnouncedEvent): boolean {
  return events.includes(TOPIC_OF[type]) && created_at.getTime() <= Date.parse(time);
}

/** The job as it was after the event at a position. */
function jobAt(position: number, history: readonly JobEvent[]): Job | undefined {
  return history.filter((event) => event.position <= position).reduce<Job | undefined>(evolve, undefined);
}

/** `recorded_at` never falls with the position: the search goes back only as far as it has to. */
const LAST_BEFORE = `
  select position from events where position < $1 and recorded_at < $2 order by position desc limit 1`;

/** The webhooks of those whose jobs these are. */
async function subscriptionsTo(sql: Sql, jobIds: readonly string[]): Promise<Subscription[]> {
  if (jobIds.length === 0) return [];
  return sql.query<Subscription & { created_at: Date }>(
    `select request.subject_id as job_id, webhook.id as webhook_id, webhook.account_key, webhook.events,
            webhook.created_at
       from events request
       join webhooks webhook on webhook.account_key = request.data->>'accountKey' and webhook.removed_at is null
      where request.subject_id = any($1) and request.type = 'com.ourvidz.job.requested'`,
    [[...new Set(jobIds)]],
  );
}
