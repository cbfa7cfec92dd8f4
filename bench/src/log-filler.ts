/** Fills an event log with a made-up history. */
import { createLog } from '#service-kit/log.js';
import { Database } from '../../services/jobs/src/database/database.js';
import { readHead, takeOverLog } from '../../services/jobs/src/event-log/log-statements.js';
import { buildsOf, liveOf } from '../../services/jobs/src/projections/builds.js';
import type { Projection } from '../../services/jobs/src/projections/projection.js';
import { PROJECTIONS } from '../../services/jobs/src/projections/registry.js';
import { bringUp, type Goal } from '../../services/jobs/src/rebuild/catch-up.js';
import { appendToLog } from '../../services/jobs/test/made-up-log.js';
import { seededHistory } from '../../test/support/seeded-history.js';
import type { StreamedEvent } from '../../test/support/seeded-journal.js';

const BATCH = 5_000;

/** The history that every part of the benchmark works on. */
export function madeUpHistory(events: number): Generator<StreamedEvent> {
  return seededHistory({ seed: 5, events, users: 200 });
}

/** Leaves log and projections as if the service had read both streams to their ends. */
export async function fillLog(databaseUrl: string, events: number): Promise<void> {
  const database = new Database(databaseUrl, createLog('bench', 'error'));
  await appendToLog(database, await takeOverLog(database), madeUpHistory(events), BATCH);
  await bringUp(database, await Promise.all(PROJECTIONS.map((projection) => toTheEnd(database, projection))));
  await database.query('analyze');
  await database.close();
}

async function toTheEnd(database: Database, projection: Projection): Promise<Goal> {
  const build = liveOf(await buildsOf(database, projection.name));
  if (!build) throw new Error(`no build of ${projection.name} is live`);
  return { projection, build, upTo: await readHead(database) };
}
