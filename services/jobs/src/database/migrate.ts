import type { Log } from '#service-kit/log.js';
import { translated } from './database-errors.js';

/** Any number that no other use of this database locks. */
const MIGRATION_LOCK = 7_241_001;

/** Brings the schema to its head. Of two processes that start at once one migrates and the other waits for it. */
export async function migrate(url: string, log: Log): Promise<void> {
  try {
    await runMigrations(url, log);
  } catch (error) {
    throw translated(error);
  }
}

async function runMigrations(url: string, log: Log): Promise<void> {
  const { migrationSource } = await import('./data-source.js');
  const source = await migrationSource(url).initialize();
  const session = source.createQueryRunner();
  try {
    await session.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await source.runMigrations();
    if (applied.length > 0) log.info({ migrations: applied.map(({ name }) => name) }, 'migrated');
  } finally {
    // The lock goes with its session.
    await session.release();
    await source.destroy();
  }
}
