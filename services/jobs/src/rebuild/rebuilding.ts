/**
 * Builds projections again beside the live ones. A build is found again by whoever begins a second time, so that work that
 * was broken off goes on where it ended. Nothing here has an effect outside the projections' own tables: what settles
 * credits or tells webhooks follows the log with marks of its own.
 */
import type { Database, Transaction } from '../database/database.js';
import { readHead } from '../event-log/log-statements.js';
import { type Build, buildsOf, createBuild, dropBuild, liveOf, lockBuilds, newOf } from '../projections/builds.js';
import type { Projection } from '../projections/projection.js';
import { bringUp, type Goal, type Pace } from './catch-up.js';

/** What is left to the moment of the switch: less than a second's work. */
const NEAR_POSITIONS = 500;

export interface Begun {
  readonly projection: Projection;
  readonly build: Build;
  /** It was there before, from a rebuild that was broken off, or from a newer version that catches up by itself. */
  readonly isResumed: boolean;
}

/** Finds the new build of each, or makes one. `afresh`: drops the one that is there. */
export async function beginRebuild(
  database: Database,
  projections: readonly Projection[],
  afresh = false,
): Promise<Begun[]> {
  const begun: Begun[] = [];
  for (const projection of projections) {
    begun.push(await database.transaction((tx) => begin(tx, projection, afresh)));
  }
  return begun;
}

async function begin(tx: Transaction, projection: Projection, afresh: boolean): Promise<Begun> {
  const known = newOf(await lockBuilds(tx, projection.name), projection.version);
  if (known && !afresh) return { projection, build: known, isResumed: true };
  if (known) await dropBuild(tx, known);
  return { projection, build: await createBuild(tx, projection), isResumed: false };
}

/** Brings the builds near to the live ones, which go on meanwhile; where another version is live, to the log's end. */
export async function catchUp(database: Database, begun: readonly Begun[], pace: Pace): Promise<Begun[]> {
  let builds = begun;
  for (;;) {
    const goals = await Promise.all(builds.map((one) => goalOf(database, one)));
    const distance = Math.max(0, ...goals.map(({ upTo, build }) => upTo - build.position));
    if (distance === 0) return [...builds];
    const moved = await bringUp(database, goals, pace);
    builds = builds.map((one, index) => ({ ...one, build: moved[index] ?? one.build }));
    if (distance <= NEAR_POSITIONS || pace.signal?.aborted) return [...builds];
  }
}

/** Not past the live build of the same version: the two are to be compared at one place. */
async function goalOf(database: Database, { projection, build }: Begun): Promise<Goal> {
  const live = liveOf(await buildsOf(database, projection.name));
  const upTo = live?.version === projection.version ? live.position : await readHead(database);
  return { projection, build, upTo };
}
