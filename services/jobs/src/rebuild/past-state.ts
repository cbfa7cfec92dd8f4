/**
 * The projections as they were at a moment of the past: builds in a schema of their own, of the events that had happened
 * by then. What counts is the events' own time: it outlives the loss of either store, which the times of logging do not.
 */
import type { Database, Transaction } from '../database/database.js';
import { readHead } from '../event-log/log-statements.js';
import { allBuilds, type Build, createBuild, dropBuild, pastSchema } from '../projections/builds.js';
import type { Projection } from '../projections/projection.js';
import { bringUp, type Pace } from './catch-up.js';
import { RefusedError } from './rebuild-errors.js';

/** Finds or makes the builds of a moment, and brings them up to the end of the log. */
export async function buildPast(
  database: Database,
  projections: readonly Projection[],
  moment: Date,
  pace: Pace = {},
): Promise<Build[]> {
  const builds = await database.transaction((tx) => beginPast(tx, projections, moment));
  const upTo = await readHead(database);
  return bringUp(
    database,
    builds.map(({ projection, build }) => ({ projection, build, upTo })),
    pace,
  );
}

async function beginPast(tx: Transaction, projections: readonly Projection[], moment: Date) {
  await tx.query(`create schema if not exists ${pastSchema(moment)}`);
  const known = await pastBuilds(tx, moment);
  const begun: { projection: Projection; build: Build }[] = [];
  for (const projection of projections) {
    const build = known.find(({ name }) => name === projection.name);
    if (build && build.version !== projection.version) {
      throw new RefusedError(`${pastSchema(moment)} was built by another version of this program; drop it first`);
    }
    begun.push({ projection, build: build ?? (await createBuild(tx, projection, moment)) });
  }
  return begun;
}

/** Removes the schema of a moment; false when there was none. */
export async function dropPast(database: Database, moment: Date): Promise<boolean> {
  return database.transaction(async (tx) => {
    const builds = await pastBuilds(tx, moment);
    for (const build of builds) await dropBuild(tx, build);
    // Whatever else was put there stays, and with it the schema: `restrict`.
    if (builds.length > 0) await tx.query(`drop schema ${pastSchema(moment)} restrict`);
    return builds.length > 0;
  });
}

async function pastBuilds(tx: Transaction, moment: Date): Promise<Build[]> {
  return (await allBuilds(tx)).filter(({ as_of }) => as_of?.getTime() === moment.getTime());
}
