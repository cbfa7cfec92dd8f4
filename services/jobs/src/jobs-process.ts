/** The parts of the jobs service, started in the order in which they can be, and stopped in the reverse one. */
import { once } from 'node:events';
import type { INestMicroservice, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { type Bus, connectBus } from '#eventing/bus.js';
import { runDeadLetters } from '#eventing/dead-letters.js';
import { TopologyError } from '#eventing/errors.js';
import { JobStore } from '#eventing/job-store.js';
import { RequestServer } from '#eventing/request-reply.js';
import { createTopology, type Restore } from '#eventing/topology.js';
import type { Log } from '#service-kit/log.js';
import { appModule } from './app.module.js';
import type { Configuration } from './configuration.js';
import { Database } from './database/database.js';
import { migrate } from './database/migrate.js';
import { DeadLetterHandler } from './dead-letters/dead-letter-handler.js';
import { Doorbell } from './doorbell.js';
import { LostStreams } from './event-log/lost-streams.js';
import { HealthServer, type Readiness } from './health-server.js';
import { Leadership } from './leadership/leadership.js';
import { LeadingWork } from './leading-work.js';
import { JobsMetrics } from './metrics.js';
import { Callbacks } from './outside-workers/callbacks.js';
import { Claims } from './outside-workers/claims.js';
import { installProjections } from './projections/registry.js';
import { QueryErrorsFilter } from './queries/query-errors.filter.js';
import { ReceiptIssuer } from './receipts/receipt-issuer.js';
import { repeatedly, untilDone } from './repeating.js';

const A_DAY_MS = 24 * 3_600_000;

export class JobsProcess {
  private readonly stopping = new AbortController();
  private readonly metrics = new JobsMetrics();
  private readonly database: Database;
  private readonly health: HealthServer;
  private bus: Bus | undefined;
  private app: INestMicroservice | undefined;
  private work: LeadingWork | undefined;
  private migrated = false;
  private readonly running: Promise<unknown>[] = [];

  constructor(
    private readonly configuration: Configuration,
    private readonly log: Log,
  ) {
    this.database = new Database(configuration.databaseUrl, log);
    this.health = new HealthServer(this.metrics.registry, () => this.readiness());
  }

  /** Resolves when everything is up, however long NATS or Postgres stay away. Rejects for what does not pass by itself. */
  async start(): Promise<void> {
    const { health } = this.configuration;
    if (health) this.log.info({ port: await this.health.listen(health) }, 'health is served');
    await Promise.all([this.startOnNats(), this.prepareDatabase()]);
  }

  /** Migrations and streams only. */
  async prepare(): Promise<void> {
    await Promise.all([this.connect(), this.prepareDatabase()]);
  }

  /** Resolves when the connection to NATS is given up for good. */
  async connectionClosed(): Promise<Error | undefined> {
    return this.bus?.closed;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.app?.close();
    await Promise.allSettled(this.running);
    this.work?.close();
    await this.bus?.close();
    await this.database.close();
    await this.health.close();
  }

  private async startOnNats(): Promise<void> {
    const bus = await this.connect();
    const { log } = this;
    const store = new JobStore(bus);
    const work = new LeadingWork({
      ...{ bus, store, database: this.database, metrics: this.metrics, log },
      webhooks: this.configuration.webhooks,
    });
    this.work = work;
    await this.serveRequests(bus, store);
    const deadLetters = new DeadLetterHandler(store, this.metrics, log);
    const { signal } = this.stopping;
    this.running.push(runDeadLetters(bus, (letter) => deadLetters.handle(letter), signal));
    const leadership = new Leadership(this.database, this.metrics, log);
    // A database that was lost and is empty now is prepared like a new one, and filled again from the streams.
    const lead = () =>
      leadership.run(
        signal,
        (term) => work.run(term),
        () => this.migrate(),
      );
    this.running.push(this.whenMigrated.then(lead));
    this.running.push(this.keepStreams(bus));
  }

  /** Streams must be there for everybody else, whether there is a database or not. */
  private async connect(): Promise<Bus> {
    const { nats, streams } = this.configuration;
    const { log } = this;
    const bus = await connectBus({ ...nats, service: 'jobs', log });
    this.bus = bus;
    const endsWith = (error: unknown) => error instanceof TopologyError;
    const repetition = { what: 'streams', log, signal: this.stopping.signal, endsWith };
    await untilDone(repetition, () => createTopology(bus, streams, this.stopping.signal, this.restore));
    return bus;
  }

  /**
   * Streams that were lost with the server's files are filled again from the log, so that nobody has to be started again
   * and nobody has new credits.
   */
  private keepStreams(bus: Bus): Promise<void> {
    const { log } = this;
    const { signal } = this.stopping;
    const reconnected = new Doorbell();
    bus.onReconnect(() => reconnected.ring());
    return repeatedly({ what: 'streams', log, signal }, async () => {
      await reconnected.wait(A_DAY_MS, signal);
      const { streams } = this.configuration;
      await untilDone({ what: 'streams', log, signal }, () => createTopology(bus, streams, signal, this.restore));
    });
  }

  /** Whether a stream that is not there is new only the log knows. */
  private readonly restore: Restore = async (spec, fill) => {
    const { signal } = this.stopping;
    if (!this.migrated) await Promise.race([this.whenMigrated, once(signal, 'abort')]);
    signal.throwIfAborted();
    const onRestored = () => this.metrics.streamEpochs.inc({ stream: spec.name });
    return new LostStreams({ database: this.database, log: this.log, onRestored }).restore(spec, fill);
  };

  private async prepareDatabase(): Promise<void> {
    const { log } = this;
    await untilDone({ what: 'migrations', log, signal: this.stopping.signal }, () => this.migrate());
    this.onMigrated();
  }

  private async migrate(): Promise<void> {
    await migrate(this.configuration.databaseUrl, this.log);
    await installProjections(this.database);
    this.migrated = true;
  }

  private onMigrated: () => void = () => undefined;
  private readonly whenMigrated = new Promise<void>((resolve) => {
    this.onMigrated = resolve;
  });

  private async serveRequests(bus: Bus, store: JobStore): Promise<void> {
    const strategy = new RequestServer(bus);
    const claims = new Claims(bus, store, this.stopping.signal);
    const { database } = this;
    const receipts = new ReceiptIssuer(database, this.configuration.receiptKey);
    const parts = { bus, database, claims, callbacks: new Callbacks(bus, store), receipts };
    const logger = nestLog(this.log);
    const options: MicroserviceOptions = { strategy };
    const app = await NestFactory.createMicroservice(appModule(parts), { ...options, logger });
    app.useGlobalFilters(new QueryErrorsFilter());
    await app.listen();
    this.app = app;
  }

  private async readiness(): Promise<Readiness> {
    const postgres = this.migrated && (await this.database.isThere());
    return { nats: this.bus?.isConnected() ?? false, queries: this.app !== undefined, postgres };
  }
}

/** Nest tells about its start, which interests nobody, and about errors. */
function nestLog(log: Log): LoggerService {
  return {
    log: (message: unknown) => log.debug({ nest: message }, 'nest'),
    warn: (message: unknown) => log.warn({ nest: message }, 'nest'),
    error: (message: unknown) => log.error({ nest: message }, 'nest'),
  };
}
