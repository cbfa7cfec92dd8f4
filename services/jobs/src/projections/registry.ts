/** Which projections there are, which version of each readers see, and how far each got. */
import type { Database, Transaction } from '../database/database.js';
import { accountsProjection } from './accounts.projection.js';
import { assetsProjection } from './assets.projection.js';
import { jobsProjection } from './jobs.projection.js';
import { type Projection, tableNames } from './projection.js';
import { projectsProjection } from './projects.projection.js';
import { queueStatisticsProjection } from './queue-statistics.projection.js';
import { usageProjection } from './usage.projection.js';
import { webhooksProjection } from './webhooks.projection.js';

export const PROJECTIONS: readonly Projection[] = [
  jobsProjection,
  assetsProjection,
  projectsProjection,
  accountsProjection,
  usageProjection,
  webhooksProjection,
  queueStatisticsProjection,
];

/** Makes the tables of versions that are new; the first version of a projection is live at once. */
export async function installProjections(database: Database, projections = PROJECTIONS): Promise<void> {
  for (const projection of projections) await database.transaction((tx) => install(tx, projection));
}

async function install(tx: Transaction, projection: Projection): Promise<void> {
  const { name, version } = projection;
  // Of two services that start at once the second waits here and finds the row.
  const added = await tx.query(
    'insert into projections (name, version) values ($1, $2) on conflict do nothing returning name',
    [name, version],
  );
  if (added.length === 0) return;
  await projection.createTables(tx, tableNames(version));
  const live = await tx.query('select 1 from projections where name = $1 and live', [name]);
  if (live.length === 0) await switchLive(tx, projection);
}

/** Shows a version that has caught up with the log, in place of an older one. */
export async function replaceOlder(tx: Transaction, projection: Projection): Promise<void> {
  const [live] = await tx.query<{ version: number }>('select version from projections where name = $1 and live', [
    projection.name,
  ]);
  if (!live || live.version < projection.version) await switchLive(tx, projection);
}

/** Shows this version to readers, from the commit of the transaction on. */
export async function switchLive(tx: Transaction, { name, version, tables }: Projection): Promise<void> {
  await tx.query('update projections set live = false where name = $1 and live', [name]);
  await tx.query('update projections set live = true where name = $1 and version = $2', [name, version]);
  for (const table of tables) {
    await tx.query(`drop view if exists ${table}`);
    await tx.query(`create view ${table} as select * from ${tableNames(version)(table)}`);
  }
}

/** Locks one version until the transaction ends, so that nobody else applies events to it. Resolves with its position. */
export async function lockProjection(tx: Transaction, { name, version }: Projection): Promise<number> {
  const [row] = await tx.query<{ position: number }>(
    'select position from projections where name = $1 and version = $2 for update',
    [name, version],
  );
  if (!row) throw new Error(`projection ${name} v${version} is not installed`);
  return row.position;
}

export async function moveProjection(tx: Transaction, { name, version }: Projection, position: number): Promise<void> {
  await tx.query('update projections set position = $3 where name = $1 and version = $2', [name, version, position]);
}
