/** Which projections there are, and how their versions come and go live. */
import type { Database, Transaction } from '../database/database.js';
import { accountsProjection } from './accounts.projection.js';
import { assetsProjection } from './assets.projection.js';
import { createBuild, liveOf, lockBuilds, newOf, showBuild } from './builds.js';
import { jobsProjection } from './jobs.projection.js';
import type { Projection } from './projection.js';
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
  // Of two services that start at once the second waits here.
  await tx.query('select pg_advisory_xact_lock($1, hashtext($2))', [INSTALL_LOCK, name]);
  const builds = await lockBuilds(tx, name);
  if (builds.some((build) => build.version === version)) return;
  const build = await createBuild(tx, projection);
  if (!liveOf(builds)) await showBuild(tx, build, builds);
}

/** The first of two numbers: no other use of this database locks with it. */
const INSTALL_LOCK = 7_241_003;

/**
 * Shows a version that has caught up with the log in place of an older one. Not one that readers were shown before: an
 * operator has gone back from it. Resolves with whether it did.
 */
export async function showNewer(tx: Transaction, { name, version }: Projection): Promise<boolean> {
  const builds = await lockBuilds(tx, name);
  const next = newOf(builds, version);
  const live = liveOf(builds);
  if (!next || (live && live.version >= version)) return false;
  await showBuild(tx, next, builds);
  return true;
}
