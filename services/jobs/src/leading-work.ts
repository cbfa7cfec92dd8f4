/** What the leader does and nobody else: write the log, keep the projections up with it, settle credits, sweep. */
import { ACCOUNT_STREAM, JOB_STREAM } from '#contracts/streams.js';
import type { Bus } from '#eventing/bus.js';
import type { JobStore } from '#eventing/job-store.js';
import { watchProgress } from '#eventing/live.js';
import { LogReader } from '#eventing/log-reader.js';
import type { Log } from '#service-kit/log.js';
import type { Database } from './database/database.js';
import { DeadlineSweep } from './deadlines/deadline-sweep.js';
import { SignsOfLife } from './deadlines/signs-of-life.js';
import { Doorbell } from './doorbell.js';
import { EventLogWriter } from './event-log/event-log-writer.js';
import { LogMonths } from './event-log/log-months.js';
import { StreamFollower } from './event-log/stream-follower.js';
import type { Term } from './leadership/leadership.js';
import type { JobsMetrics } from './metrics.js';
import { ProjectionRunner } from './projections/projection-runner.js';
import { PROJECTIONS } from './projections/registry.js';
import { webhooksProjection } from './projections/webhooks.projection.js';
import { AccountSettler } from './settlement/account-settler.js';
import { JobSettlement } from './settlement/job-settlement.js';
import { ReservationSweep } from './settlement/reservation-sweep.js';
import { type DeliverySettings, WebhookWork } from './webhooks/webhook-work.js';

interface Surroundings {
  readonly bus: Bus;
  readonly store: JobStore;
  readonly database: Database;
  readonly metrics: JobsMetrics;
  readonly log: Log;
  /** Absent: nothing is delivered to webhooks. */
  readonly webhooks?: DeliverySettings;
}

export class LeadingWork {
  private readonly writer: EventLogWriter;
  private readonly months: LogMonths;
  private readonly projections: readonly ProjectionRunner[];
  private readonly sweep: DeadlineSweep;
  private readonly settlement: JobSettlement;
  private readonly reservations: ReservationSweep;
  private readonly webhooks: WebhookWork | undefined;
  private readonly stops: readonly (() => void)[];

  constructor({ bus, store, database, metrics, log, webhooks }: Surroundings) {
    const bell = new Doorbell();
    const signs = new SignsOfLife(Date.now());
    this.webhooks = webhooks && new WebhookWork(webhooks, { bus, database, metrics, log });
    this.projections = PROJECTIONS.map((projection) => {
      const onMoved = projection === webhooksProjection ? () => this.webhooks?.wake() : undefined;
      return new ProjectionRunner(projection, database, metrics, log, onMoved);
    });
    const readers = [JOB_STREAM, ACCOUNT_STREAM].map((stream) => new LogReader(bus, stream.name));
    const followers = readers.map((reader) => new StreamFollower(reader, log));
    this.writer = new EventLogWriter(followers, {
      database,
      log,
      metrics,
      bell,
      onWritten: () => this.wakeFollowers(),
    });
    this.months = new LogMonths(database, log, Date.now);
    this.sweep = new DeadlineSweep({ sql: database, store, signs, clock: Date.now, metrics, log });
    const settler = new AccountSettler(bus);
    this.settlement = new JobSettlement({ database, settler, metrics, log });
    this.reservations = new ReservationSweep({ sql: database, store, settler, clock: Date.now, metrics, log });
    this.stops = [
      // It rings for every stream.
      ...readers.slice(0, 1).map((reader) => reader.onAppend(() => bell.ring())),
      bus.onReconnect(() => this.writer.doubtStreams()),
      // Also while another process leads: after a take-over the signs are known.
      watchProgress(bus, '*', (progress) => signs.note(progress, Date.now())),
    ];
  }

  /** Works until the term ends, or until one part finds that another process leads. */
  async run(term: Term): Promise<void> {
    const failed = new AbortController();
    const signal = AbortSignal.any([term.signal, failed.signal]);
    const parts = [
      this.writer.run({ ...term, signal }),
      this.months.run({ ...term, signal }),
      ...this.projections.map((projection) => projection.run(signal)),
      this.sweep.run(signal),
      this.settlement.run(signal),
      this.reservations.run(signal),
      this.webhooks?.run(signal),
    ];
    for (const part of parts) part?.catch(() => failed.abort());
    await Promise.allSettled(parts);
    await Promise.all(parts);
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  private wakeFollowers(): void {
    for (const projection of this.projections) projection.bell.ring();
    this.settlement.bell.ring();
  }
}
