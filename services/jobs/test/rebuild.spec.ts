/** What operators do with builds: rebuild, compare, switch, go back, pause, look at a past state. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '#launcher/poll.js';
import { seededHistory } from '../../../test/support/seeded-history.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database } from '../src/database/database.js';
import { readHead, takeOverLog } from '../src/event-log/log-statements.js';
import { accountsProjection } from '../src/projections/accounts.projection.js';
import { assetsProjection } from '../src/projections/assets.projection.js';
import { type Build, buildsOf, keptOf, liveOf, newOf, pastSchema, tablesOf } from '../src/projections/builds.js';
import { jobsProjection } from '../src/projections/jobs.projection.js';
import type { Projection } from '../src/projections/projection.js';
import { installProjections, PROJECTIONS } from '../src/projections/registry.js';
import { usageProjection } from '../src/projections/usage.projection.js';
import { compareBuilds, hashTable } from '../src/rebuild/comparing.js';
import { pauseProjections, readOverview, resumeProjections } from '../src/rebuild/overview.js';
import { buildPast, dropPast } from '../src/rebuild/past-state.js';
import { RefusedError } from '../src/rebuild/rebuild-errors.js';
import { whileLocked } from '../src/rebuild/rebuild-lock.js';
import { beginRebuild, catchUp } from '../src/rebuild/rebuilding.js';
import { switchTo } from '../src/rebuild/switching.js';
import { openDatabase, runProjection, runProjections } from './jobs-fixture.js';
import { appendToLog } from './made-up-log.js';

const EVENTS = [...seededHistory({ seed: 11, events: 1_500, users: 6 })];
const MORE = [...seededHistory({ seed: 12, events: 200, users: 3 })];

let postgres: TestPostgres;
let database: Database;
let generation: number;

beforeAll(async () => {
  postgres = await testPostgres();
  database = await openDatabase(postgres.url);
  generation = await takeOverLog(database);
  await appendToLog(database, generation, EVENTS.slice(0, 1_000), 250);
  await runProjections(database);
});
afterAll(async () => {
  await database.close();
  await postgres.close();
});

async function rebuilt(projection: Projection): Promise<Build> {
  const [one] = await catchUp(database, await beginRebuild(database, [projection]), {});
  if (!one) throw new Error('nothing was rebuilt');
  return one.build;
}

async function live({ name }: Pick<Projection, 'name'>): Promise<Build> {
  const build = liveOf(await buildsOf(database, name));
  if (!build) throw new Error(`no build of ${name} is live`);
  return build;
}

describe('when the rows of a projection are wrong', () => {
  test('the comparison names the table, a switch makes it right, going back brings the wrong ones again', async () => {
    const before = await live(assetsProjection);
    await database.query(`update ${tablesOf(before)('asset_jobs')} set prompt = 'wrong' where job_id in
      (select job_id from ${tablesOf(before)('asset_jobs')} limit 1)`);
    const wrong = async () =>
      (await database.query<{ n: number }>("select count(*) as n from asset_jobs where prompt = 'wrong'"))[0]?.n;
    const build = await rebuilt(assetsProjection);
    const { tables } = await compareBuilds(database, assetsProjection, before, build);
    expect(tables.map(({ table, isEqual }) => [table, isEqual])).toEqual([
      ['assets', true],
      ['asset_jobs', false],
    ]);
    await switchTo(database, assetsProjection, build);
    expect(await wrong()).toBe(0);
    await switchTo(database, assetsProjection, before);
    expect(await wrong()).toBe(1);
    await switchTo(database, assetsProjection, build);
  });
});

describe('while a build is switched again and again and the log grows', () => {
  test('readers see the rows at any moment, and never fewer than before', async () => {
    const reading = new AbortController();
    const seen: number[] = [];
    const read = async () => {
      while (!reading.signal.aborted) {
        const [row] = await database.query<{ n: number }>('select count(*) as n from jobs');
        seen.push(row?.n ?? 0);
      }
    };
    const readers = Promise.all([read(), read()].map((each) => each.finally(() => reading.abort())));
    const [first = 0] = [(await database.query<{ n: number }>('select count(*) as n from jobs'))[0]?.n];
    for (let turn = 0; turn < 5; turn++) {
      await appendToLog(database, generation, EVENTS.slice(1_000 + turn * 100, 1_100 + turn * 100), 25);
      const build = await rebuilt(jobsProjection);
      await Promise.all([switchTo(database, jobsProjection, build), runProjection(database, jobsProjection)]);
    }
    reading.abort();
    await readers;
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(first);
    expect(seen).toEqual([...seen].sort((one, other) => one - other));
    await runProjections(database);
    expect((await live(jobsProjection)).position).toBe(await readHead(database));
  });

  test('of the builds before, one is kept, and the tables of the others are gone', async () => {
    const builds = await buildsOf(database, 'jobs');
    expect(builds).toHaveLength(2);
    const tables = await database.query<{ name: string }>(
      `select relname as name from pg_class where relkind = 'r' and relname ~ '^jobs_v' order by 1`,
    );
    expect(tables.map(({ name }) => name).sort()).toEqual(builds.map((build) => tablesOf(build)('jobs')).sort());
  });
});

describe('when a slow reader is in the way of a switch', () => {
  test('it is waited for, and readers behind it are let through', async () => {
    const build = await rebuilt(jobsProjection);
    let letGo: () => void = () => undefined;
    const going = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const slow = new Promise<void>((began, failed) => {
      database
        .transaction(async (tx) => {
          await tx.query('select count(*) from jobs');
          began();
          await going;
        })
        .catch(failed);
    });
    await slow;
    const switching = switchTo(database, jobsProjection, build);
    await pollUntil('the switch to wait', 10_000, async () => {
      const [lock] = await database.query("select 1 from pg_locks where mode = 'AccessExclusiveLock' and not granted");
      return lock;
    });
    expect(await database.query('select count(*) from jobs')).toHaveLength(1);
    letGo();
    expect((await switching).to.build).toBe(build.build);
  });
});

describe('a second rebuild of the same projection', () => {
  test('is refused while the first one runs, and another projection is not', async () => {
    await whileLocked(database, ['jobs'], async () => {
      const second = whileLocked(database, ['accounts', 'jobs'], async () => 'built');
      await expect(second).rejects.toThrow(RefusedError);
      expect(await whileLocked(database, ['accounts'], async () => 'built')).toBe('built');
    });
    expect(await whileLocked(database, ['jobs'], async () => 'built')).toBe('built');
  });
});

describe('when a rebuild is broken off', () => {
  test('the next one goes on with the same build from where it was; afresh it begins again', async () => {
    const stop = new AbortController();
    const begun = await beginRebuild(database, [usageProjection]);
    const small = { onMoved: () => stop.abort(), signal: stop.signal };
    const [broken] = await catchUp(database, begun, small);
    const [again] = await beginRebuild(database, [usageProjection]);
    expect(again).toMatchObject({ isResumed: true, build: { build: broken?.build.build } });
    expect(again?.build.position).toBe(broken?.build.position);
    const [afresh] = await beginRebuild(database, [usageProjection], true);
    expect(afresh).toMatchObject({ isResumed: false, build: { position: 0 } });
  });
});

describe('when a projection is paused', () => {
  test('the service leaves it alone until it is resumed', async () => {
    await pauseProjections(database, ['accounts']);
    const { position } = await live(accountsProjection);
    await appendToLog(database, await takeOverLog(database), MORE, 200);
    await runProjection(database, accountsProjection);
    expect((await live(accountsProjection)).position).toBe(position);
    expect((await readOverview(database)).paused).toEqual(['accounts']);
    await resumeProjections(database, ['accounts']);
    await runProjections(database);
    expect((await live(accountsProjection)).position).toBe(await readHead(database));
  });
});

describe('when an operator has gone back from a new version', () => {
  test('it is kept up, and not shown again by itself', async () => {
    const next = { ...usageProjection, version: usageProjection.version + 1 };
    await installProjections(database, [next]);
    await runProjection(database, next);
    expect((await live(next)).version).toBe(next.version);
    const older = keptOf(await buildsOf(database, 'usage'));
    if (!older) throw new Error('nothing was kept');
    const { behind } = await switchTo(database, next, older);
    expect(behind).toBe(0);
    await runProjection(database, next);
    expect((await live(next)).version).toBe(usageProjection.version);
    const rows = await database.query<{ version: number; position: number }>(
      `select version, position from projections where name = 'usage' and not live and shown_at is not null`,
    );
    expect(rows).toEqual([{ version: next.version, position: await readHead(database) }]);
    expect(newOf(await buildsOf(database, 'usage'), next.version)).toBeUndefined();
  });
});

describe('as of a moment', () => {
  const moment = new Date(EVENTS[700]?.raw.time ?? '');

  test('the past state is what a platform would have that saw nothing since; it can be dropped', async () => {
    const other = await testPostgres();
    const then = await openDatabase(other.url);
    for (const history of [EVENTS, MORE]) {
      const until = history.filter(({ raw }) => Date.parse(raw.time) <= moment.getTime());
      await appendToLog(then, await takeOverLog(then), until, 250);
    }
    await runProjections(then);

    const builds = await buildPast(database, PROJECTIONS, moment);
    for (const build of builds) {
      for (const table of build.tables) {
        expect({ table, ...(await withoutPositions(database, tablesOf(build)(table))) }).toEqual({
          table,
          ...(await withoutPositions(then, table)),
        });
      }
    }
    expect(await database.query(`select * from ${pastSchema(moment)}.jobs`)).not.toHaveLength(0);
    expect((await readOverview(database)).builds.filter(({ state }) => state === 'past')).toHaveLength(
      PROJECTIONS.length,
    );
    expect(await dropPast(database, moment)).toBe(true);
    expect(await dropPast(database, moment)).toBe(false);
    expect(await database.query(`select to_regnamespace('${pastSchema(moment)}') as schema`)).toEqual([
      { schema: null },
    ]);
    await then.close();
    await other.close();
  });

  /** Positions, and when the log took an event, are the log's own. */
  async function withoutPositions(sql: Database, table: string) {
    const [row] = await sql.query(
      `select count(*) as rows, md5(string_agg(line, '' order by line)) as hash from (
         select regexp_replace((to_jsonb(row) - 'position' - 'favorite_position')::text, '"since": "[^"]*"', '', 'g')
           as line from ${table} row) lines`,
    );
    return row;
  }
});

describe('the hash of a table', () => {
  test('is that of its rows, whatever their order; empty tables are alike', async () => {
    await database.transaction(async (tx) => {
      await tx.query('create table first_rows (a integer, b text); create table other_rows (a integer, b text)');
      const empty = await hashTable(tx, 'first_rows');
      expect(empty).toEqual(await hashTable(tx, 'other_rows'));
      await tx.query(
        "insert into first_rows values (1, 'x'), (2, null); insert into other_rows values (2, null), (1, 'x')",
      );
      expect(await hashTable(tx, 'first_rows')).toEqual(await hashTable(tx, 'other_rows'));
      await tx.query("update other_rows set b = '' where a = 2");
      expect((await hashTable(tx, 'first_rows')).hash).not.toBe((await hashTable(tx, 'other_rows')).hash);
      await tx.query('drop table first_rows, other_rows');
    });
  });
});
