/** Rebuilds while the log grows and the live projections go on, broken off anywhere: what comes out is what is live. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededHistory } from '../../../test/support/seeded-history.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database } from '../src/database/database.js';
import { readHead, takeOverLog } from '../src/event-log/log-statements.js';
import { type Build, buildsOf, isSame, keptOf, liveOf } from '../src/projections/builds.js';
import type { Projection } from '../src/projections/projection.js';
import { PROJECTIONS } from '../src/projections/registry.js';
import { compareBuilds } from '../src/rebuild/comparing.js';
import { beginRebuild, catchUp } from '../src/rebuild/rebuilding.js';
import { switchTo } from '../src/rebuild/switching.js';
import { openDatabase, runProjections } from './jobs-fixture.js';
import { appendToLog } from './made-up-log.js';
import { anyCrash, type Crash, Crashed, CrashingDatabase } from './scripted-faults.js';

let postgres: TestPostgres;
let database: Database;

beforeAll(async () => {
  postgres = await testPostgres();
  database = await openDatabase(postgres.url);
});
afterAll(async () => {
  await database.close();
  await postgres.close();
});

/** The log cannot be emptied: each run adds a history of its own. */
const eachHistoryOnce = { endOnFailure: true, numRuns: 3 };

const anyRebuild = fc.record({
  seed: fc.noBias(fc.nat(2 ** 31 - 1)),
  before: fc.integer({ min: 0, max: 600 }),
  meanwhile: fc.integer({ min: 1, max: 600 }),
  crashes: fc.array(fc.option(anyCrash(12), { nil: undefined }), { maxLength: 30 }),
});

describe('a rebuild of all projections', () => {
  test('appends during it, the live ones go on, broken off anywhere › the same tables as live, nothing lost at the switch', async () => {
    const property = fc.asyncProperty(anyRebuild, async ({ seed, before, meanwhile, crashes }) => {
      const events = [...seededHistory({ seed, events: before + meanwhile, users: 5 })];
      const generation = await takeOverLog(database);
      await appendToLog(database, generation, events.slice(0, before), 200);
      const appended = appendToLog(database, generation, events.slice(before), 20);
      await Promise.all([goOn(appended), rebuildAll(crashes)]);
      await runProjections(database);
      for (const projection of PROJECTIONS) await expectLiveEqualsKept(projection);
    });
    await fc.assert(property, eachHistoryOnce);
  });
});

/** The live projections follow the log until nothing is appended any more. */
async function goOn(appended: Promise<void>): Promise<void> {
  let over = false;
  const ended = appended.finally(() => {
    over = true;
  });
  while (!over) await runProjections(database);
  await ended;
}

/** One after the other, each begun again whenever it breaks off, as an operator would. */
async function rebuildAll(crashes: readonly (Crash | undefined)[]): Promise<void> {
  const breaking = new CrashingDatabase(database, [...crashes]) as unknown as Database;
  for (const projection of PROJECTIONS) {
    const before = await liveBuild(projection);
    while (isSame(await liveBuild(projection), before)) {
      await rebuild(breaking, projection).catch((error: unknown) => {
        if (!(error instanceof Crashed)) throw error;
      });
    }
  }
}

async function rebuild(breaking: Database, projection: Projection): Promise<void> {
  const begun = await beginRebuild(breaking, [projection]);
  const [caughtUp] = await catchUp(breaking, begun, {});
  if (!caughtUp) throw new Error('nothing was begun');
  const comparison = await compareBuilds(breaking, projection, await liveBuild(projection), caughtUp.build);
  expect(comparison.tables.filter(({ isEqual }) => !isEqual)).toEqual([]);
  await switchTo(breaking, projection, caughtUp.build);
}

async function liveBuild({ name }: Projection): Promise<Build> {
  const live = liveOf(await buildsOf(database, name));
  if (!live) throw new Error(`no build of ${name} is live`);
  return live;
}

/** What was live before is kept, and has now to come to the same. */
async function expectLiveEqualsKept(projection: Projection): Promise<void> {
  const kept = keptOf(await buildsOf(database, projection.name));
  if (!kept) throw new Error(`nothing was kept of ${projection.name}`);
  const { position, isEqual } = await compareBuilds(database, projection, await liveBuild(projection), kept);
  expect({ name: projection.name, isEqual, position }).toEqual({
    name: projection.name,
    isEqual: true,
    position: await readHead(database),
  });
}
