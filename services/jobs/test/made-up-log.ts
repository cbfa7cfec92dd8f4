/** Made-up histories in the event log, put there by the statements of its writer. */
import type { StreamedEvent } from '../../../test/support/seeded-journal.js';
import type { Database, Transaction } from '../src/database/database.js';
import { logRow } from '../src/event-log/log-row.js';
import { chainFresh, insertRows, lockHead, writeCheckpoint } from '../src/event-log/log-statements.js';

/**
 * Appends events as the writer of this generation, whose streams are others than those of earlier ones. Of a batch, one
 * stream comes after the other.
 */
export async function appendToLog(
  database: Database,
  generation: number,
  events: Iterable<StreamedEvent>,
  batchSize: number,
): Promise<void> {
  for (const batch of inBatches(events, batchSize)) {
    await database.transaction((tx) => appendBatch(tx, generation, batch), 'soon');
  }
}

async function appendBatch(tx: Transaction, generation: number, batch: readonly StreamedEvent[]): Promise<void> {
  for (const [stream, events] of Map.groupBy(batch, (event) => event.stream)) {
    const rows = events.map(({ raw }) => logRow(stream, raw));
    const last = rows.at(-1);
    if (!last) continue;
    const head = await lockHead(tx, generation);
    await insertRows(tx, head, { stream, epoch: generation }, await chainFresh(tx, rows));
    await writeCheckpoint(tx, stream, { epoch: generation, sequence: last.sequence, eventId: last.eventId });
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
