/** Writes into the log what the streams have and it lacks, as a jobs service does that leads; and nothing else. */
import { ACCOUNT_STREAM, JOB_STREAM } from '#contracts/streams.js';
import type { Bus } from '#eventing/bus.js';
import { LogReader } from '#eventing/log-reader.js';
import type { Log } from '#service-kit/log.js';
import { pauseUnlessAborted } from '#service-kit/pause.js';
import type { Database } from '../database/database.js';
import { Doorbell } from '../doorbell.js';
import { Leadership, type Term } from '../leadership/leadership.js';
import { JobsMetrics } from '../metrics.js';
import { EventLogWriter } from './event-log-writer.js';
import { lockHead, readCheckpoint, readHead, writeCheckpoint } from './log-statements.js';
import { StreamFollower } from './stream-follower.js';

/** A jobs service that leads keeps the lock; one that has just ended has left it by then. */
const LEAD_WITHIN_MS = 2_000;
const LOOK_MS = 50;

interface Surroundings {
  readonly bus: Bus;
  readonly database: Database;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called with the events that were added so far. */
  readonly onWritten: (added: number) => void;
}

/**
 * Resolves with the events that were added, or undefined when another process writes the log.
 *
 * @param again streams to read from their beginning, in an epoch of their own: what the log has is passed over
 */
export async function reconcileLog(around: Surroundings, again: readonly string[]): Promise<number | undefined> {
  const metrics = new JobsMetrics();
  const leadership = new Leadership(around.database, metrics, around.log);
  const done = new AbortController();
  const tooLate = setTimeout(() => done.abort(), LEAD_WITHIN_MS);
  let added: number | undefined;
  let failure: unknown;
  const lead = async (term: Term) => {
    clearTimeout(tooLate);
    try {
      added = await writeAll(around, metrics, again, term);
    } catch (error) {
      failure = error;
    } finally {
      done.abort();
    }
  };
  await leadership.run(AbortSignal.any([done.signal, around.signal]), lead);
  clearTimeout(tooLate);
  around.signal.throwIfAborted();
  if (failure) throw failure;
  return added;
}

async function writeAll(
  { bus, database, log, onWritten }: Surroundings,
  metrics: JobsMetrics,
  again: readonly string[],
  term: Term,
): Promise<number> {
  const before = await readHead(database);
  const readers = [JOB_STREAM, ACCOUNT_STREAM].map(({ name }) => new LogReader(bus, name));
  for (const reader of readers) if (again.includes(reader.stream)) await beginAgain(database, reader, term);
  const followers = readers.map((reader) => new StreamFollower(reader, log));
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, term.signal]);
  const writer = new EventLogWriter(followers, {
    ...{ database, log, metrics, bell: new Doorbell() },
    onWritten: () => void readHead(database).then((head) => onWritten(head - before), ignored),
  });
  const writing = writer.run({ ...term, signal });
  while (!signal.aborted && !followers.every((follower) => follower.place && follower.lag === 0))
    await Promise.race([writing, pauseUnlessAborted(LOOK_MS, signal)]);
  ended.abort();
  await writing;
  return (await readHead(database)) - before;
}

/** The next look shows it again. */
function ignored(): void {}

async function beginAgain(database: Database, reader: LogReader, { generation }: Term): Promise<void> {
  const { firstSequence } = await reader.position();
  await database.transaction(async (tx) => {
    await lockHead(tx, generation);
    const epoch = ((await readCheckpoint(tx, reader.stream))?.epoch ?? 0) + 1;
    await writeCheckpoint(tx, reader.stream, { epoch, sequence: Math.max(firstSequence - 1, 0), eventId: null });
  });
}
