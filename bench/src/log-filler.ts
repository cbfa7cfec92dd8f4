/** Fills an event log with a made-up history. */
import { createLog } from '#service-kit/log.js';
import { Database } from '../../services/jobs/src/database/database.js';
import { takeOverLog } from '../../services/jobs/src/event-log/log-statements.js';
import { appendToLog } from '../../services/jobs/test/made-up-log.js';
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
  await appendToLog(database, await takeOverLog(database), madeUpHistory(events), BATCH);
  await database.query('analyze');
  await database.close();
}
