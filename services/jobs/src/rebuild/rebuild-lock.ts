/** One rebuild of a projection at a time, on the whole database. */
import type pg from 'pg';
import type { Database } from '../database/database.js';
import { RefusedError } from './rebuild-errors.js';

/** The first of two numbers: no other use of this database locks with it. */
const REBUILD_LOCK = 7_241_004;
const QUERY_TIMEOUT_MS = 10_000;

/**
 * Does work while nobody else builds, shows or drops builds of these projections. The lock is the session's: it goes with a
 * process that is killed.
 * @throws RefusedError when somebody else does.
 */
export async function whileLocked<T>(database: Database, names: readonly string[], work: () => Promise<T>): Promise<T> {
  const session = await database.openSession(QUERY_TIMEOUT_MS);
  try {
    for (const name of names) await lock(session, name);
    return await work();
  } finally {
    await session.end();
  }
}

async function lock(session: pg.Client, name: string): Promise<void> {
  const { rows } = await session.query('select pg_try_advisory_lock($1, hashtext($2)) as mine', [REBUILD_LOCK, name]);
  if (rows[0]?.mine) return;
  throw new RefusedError(`a rebuild of ${name} is already running; wait for it or end it`);
}
