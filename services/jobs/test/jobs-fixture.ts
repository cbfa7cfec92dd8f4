/** A platform of one NATS server and one database for a test file, and leaders that work on it. */

import { ACCOUNT_STREAM, JOB_STREAM, STREAMS } from '#contracts/streams.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { LogReader } from '#eventing/log-reader.js';
import { createTopology } from '#eventing/topology.js';
import { pollUntil } from '#launcher/poll.js';
import { createLog, type Log, type LogLevel } from '#service-kit/log.js';
import { testNats, testPostgres } from '../../../test/support/servers.js';
import { Database } from '../src/database/database.js';
import { migrate } from '../src/database/migrate.js';
import { Doorbell } from '../src/doorbell.js';
import { EventLogWriter } from '../src/event-log/event-log-writer.js';
import { takeOverLog } from '../src/event-log/log-statements.js';
import { StreamFollower } from '../src/event-log/stream-follower.js';
import { Leadership, type Term } from '../src/leadership/leadership.js';
import { LeadingWork } from '../src/leading-work.js';
import { JobsMetrics } from '../src/metrics.js';
import type { Projection } from '../src/projections/projection.js';
import { ProjectionRunner } from '../src/projections/projection-runner.js';
import { installProjections, PROJECTIONS } from '../src/projections/registry.js';
import type { DeliverySettings } from '../src/webhooks/webhook-work.js';

export const SIZES = { replicas: 1, jobStreamMaxBytes: 512 * 1024 * 1024, accountStreamMaxBytes: 64 * 1024 * 1024 };
const PATIENCE_MS = 15_000;

/** Silent unless `TEST_LOG_LEVEL` asks for it. */
export const silent: Log = createLog('test', (process.env.TEST_LOG_LEVEL ?? 'silent') as LogLevel);

export interface Fixture {
  readonly natsUrl: string;
  readonly databaseUrl: string;
  readonly bus: Bus;
  readonly store: JobStore;
  readonly database: Database;
  close(): Promise<void>;
}

export async function openFixture(): Promise<Fixture> {
  const [nats, postgres] = await Promise.all([testNats(), testPostgres()]);
  const bus = await connectBus({ url: nats.url, service: 'jobs', log: silent });
  await createTopology(bus, SIZES);
  const database = await openDatabase(postgres.url);
  const close = async () => {
    await bus.close();
    await database.close();
    await Promise.all([nats.close(), postgres.close()]);
  };
  return { natsUrl: nats.url, databaseUrl: postgres.url, bus, store: new JobStore(bus), database, close };
}

/** A database at its head, with the tables of the projections. */
export async function openDatabase(url: string): Promise<Database> {
  await migrate(url, silent);
  const database = new Database(url, silent);
  await installProjections(database);
  return database;
}

/** Deletes the streams and makes them again, empty, as after the loss of a server. */
export async function recreateStreams(bus: Bus): Promise<void> {
  for (const { name } of STREAMS) await bus.jsm.streams.delete(name);
  await createTopology(bus, SIZES);
}

export interface Leader {
  readonly metrics: JobsMetrics;
  /** Resolves with the generation when it leads for the first time. */
  readonly leading: Promise<number>;
  /** Safe to call twice. */
  stop(): Promise<void>;
}

/** Works as the leader of a jobs service does, with connections of its own. */
export function startLeader(
  { bus, store, databaseUrl }: Pick<Fixture, 'bus' | 'store' | 'databaseUrl'>,
  webhooks?: DeliverySettings,
): Leader {
  const database = new Database(databaseUrl, silent);
  const metrics = new JobsMetrics();
  const work = new LeadingWork({ bus, store, database, metrics, log: silent, webhooks });
  const stopping = new AbortController();
  let onLeading: (generation: number) => void = () => undefined;
  const leading = new Promise<number>((resolve) => {
    onLeading = resolve;
  });
  const lead = (term: Term) => {
    onLeading(term.generation);
    return work.run(term);
  };
  const running = new Leadership(database, metrics, silent).run(stopping.signal, lead);
  const stopped = async () => {
    stopping.abort();
    await running;
    work.close();
    await database.close();
  };
  let stop: Promise<void> | undefined;
  return {
    metrics,
    leading,
    stop: () => {
      stop ??= stopped();
      return stop;
    },
  };
}

/** Writes into the log what the streams have by now, and does nothing else of what a leader does. */
export async function writeLog({ bus, database }: Pick<Fixture, 'bus' | 'database'>): Promise<void> {
  const generation = await takeOverLog(database);
  const readers = [JOB_STREAM, ACCOUNT_STREAM].map(({ name }) => new LogReader(bus, name));
  const followers = readers.map((reader) => new StreamFollower(reader, silent));
  const around = {
    database,
    log: silent,
    metrics: new JobsMetrics(),
    bell: new Doorbell(),
    onWritten: () => undefined,
  };
  const term = new AbortController();
  const writing = new EventLogWriter(followers, around).run({ generation, signal: term.signal });
  await untilLogged({ bus, database });
  term.abort();
  await writing;
}

/** Applies to every projection what the log has by now. */
export async function runProjections(database: Database): Promise<void> {
  for (const projection of PROJECTIONS) await runProjection(database, projection);
}

/** Does with one projection what a service of its version does, up to the end of the log. */
export async function runProjection(database: Database, projection: Projection): Promise<void> {
  const runner = new ProjectionRunner(projection, database, new JobsMetrics(), silent);
  while (await runner.advance());
}

export interface LogLine {
  readonly position: number;
  readonly event_id: string;
  readonly stream_epoch: number;
  readonly stream_seq: number;
  readonly type: string;
  readonly subject_id: string;
  readonly data: unknown;
  readonly metadata: Record<string, unknown>;
}

export function logLines(database: Database): Promise<LogLine[]> {
  return database.query<LogLine>(
    'select position, event_id, stream_epoch, stream_seq, type, subject_id, data, metadata from events order by position',
  );
}

/** Waits until the log's checkpoints have reached the ends of the streams. */
export async function untilLogged({ bus, database }: Pick<Fixture, 'bus' | 'database'>): Promise<void> {
  const query = 'select last_seq from stream_checkpoint where stream = $1';
  for (const { name } of [JOB_STREAM, ACCOUNT_STREAM]) {
    const { lastSequence } = await new LogReader(bus, name).position();
    await pollUntil(`the log to reach the end of ${name}`, PATIENCE_MS, async () => {
      const [row] = await database.query<{ last_seq: number }>(query, [name]);
      return row && row.last_seq >= lastSequence ? row : undefined;
    });
  }
}

/** Waits until all that is stored has gone through the log into the projections. */
export async function untilProjected(fixture: Pick<Fixture, 'bus' | 'database'>): Promise<void> {
  await untilLogged(fixture);
  const query = `select 1 from projections where live and position < (select position from log_head)
                  or (select count(*) from projections where live) < $1`;
  await pollUntil('the projections to reach the log', PATIENCE_MS, async () => {
    const behind = await fixture.database.query(query, [PROJECTIONS.length]);
    return behind.length === 0 ? true : undefined;
  });
}
