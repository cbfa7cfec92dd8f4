/** Shows another build to readers. They see the one or the other, never nothing, and never an earlier state. */
import type { Database, Transaction } from '../database/database.js';
import { isKeptWaiting } from '../database/database-errors.js';
import { readLog } from '../event-log/logged-event.js';
import { applyBatch } from '../projections/apply-batch.js';
import { type Build, isSame, liveOf, lockBuilds, showBuild } from '../projections/builds.js';
import type { Projection } from '../projections/projection.js';
import { bringUp } from './catch-up.js';
import { RefusedError } from './rebuild-errors.js';

export interface Switched {
  readonly from: Build | undefined;
  readonly to: Build;
  /** Positions that readers go back by, where a build of another version cannot be brought up by this program. */
  readonly behind: number;
}

/** Brings a build up to the live one and shows it in its place, in one transaction. */
export async function switchTo(database: Database, projection: Projection, to: Build): Promise<Switched> {
  if (to.version === projection.version) await bringNear(database, projection, to);
  for (let left = TRIES - 1; ; left--) {
    try {
      return await switchOnce(database, projection, to);
    } catch (error) {
      if (left === 0 || !isKeptWaiting(error)) throw error;
    }
  }
}

/** Slow readers are waited for, a second each time, and let through in between. */
const TRIES = 20;

function switchOnce(database: Database, projection: Projection, to: Build): Promise<Switched> {
  return database.transaction(async (tx) => {
    const builds = await lockBuilds(tx, projection.name);
    const found = builds.find((build) => isSame(build, to));
    if (!found) throw new RefusedError(`build ${to.build} of ${to.name} v${to.version} is gone`);
    const from = liveOf(builds);
    // A newer version goes live by itself, too.
    if (from && isSame(from, found)) return { from, to: found, behind: 0 };
    const shown = await upTo(tx, projection, found, from?.position ?? 0);
    await showBuild(tx, shown, builds);
    return { from, to: shown, behind: Math.max(0, (from?.position ?? 0) - shown.position) };
  });
}

/** Most of the way, while the live build goes on. */
async function bringNear(database: Database, projection: Projection, build: Build): Promise<void> {
  const [live] = await database.query<{ position: number }>(
    'select position from projections where name = $1 and live',
    [projection.name],
  );
  await bringUp(database, [{ projection, build, upTo: live?.position ?? 0 }]);
}

/** The rest of the way, under the lock of both. */
async function upTo(tx: Transaction, projection: Projection, build: Build, position: number): Promise<Build> {
  if (build.version !== projection.version || build.position >= position) return build;
  const events = await readLog(tx, { after: build.position, upTo: position }, projection.takes);
  await applyBatch(tx, { projection, build }, events, position);
  return { ...build, position };
}
