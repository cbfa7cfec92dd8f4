/** Fills an event log with a made-up history, by the statements of the log writer. */
import { createLog } from '#service-kit/log.js';
import { Database, type Transaction } from '../../services/jobs/src/database/database.js';
import { logRow } from '../../services/jobs/src/event-log/log-row.js';
import {
  chainFresh,
  insertRows,
  lockHead,
  takeOverLog,
  writeCheckpoint,
} from '../../services/jobs/src/event-log/log-statements.js';
import { seededHistory } from '../../test/support/seeded-history.js';
import type { StreamedEvent } from '../../test/support/seeded-journal.js';

const BATCH = 5_000;

/** The history that every part of the benchmark works on. */
export function madeUpHistory(events: number): Generator<StreamedEvent> {
  return seededHistory({ seed: 5, events, users: 200 });
}

/** Leaves the log as if the writer had read both streams to their ends. */
export async function fillLog(databaseUrl: string, events: number): Promise<void> {
  const database = new Database(databaseUrl, createLog('bench', 'error'));
  const generation = await takeOverLog(database);
  for (const batch of inBatches(madeUpHistory(events), BATCH)) {
    await database.transaction((tx) => writeBatch(tx, generation, batch), 'soon');
  }
  await database.query('analyze');
  await database.close();
}

/** Within a batch one stream comes after the other. */
async function writeBatch(tx: Transaction, generation: number, batch: readonly StreamedEvent[]): Promise<void> {
  for (const [stream, events] of Map.groupBy(batch, (event) => event.stream)) {
    const rows = await chainFresh(
      tx,
      events.map(({ raw }) => logRow(stream, raw)),
    );
    const last = rows.at(-1);
    if (!last) continue;
    await insertRows(tx, await lockHead(tx, generation), { stream, epoch: 1 }, rows);
    await writeCheckpoint(tx, stream, { epoch: 1, sequence: last.sequence, eventId: last.eventId });
  }
}

/** The items in arrays of `size`; the last may be shorter. */
export function* inBatches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
