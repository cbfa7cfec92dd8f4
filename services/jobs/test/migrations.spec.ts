import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import { migrationSource } from '../src/database/data-source.js';
import { Database } from '../src/database/database.js';
import { migrate } from '../src/database/migrate.js';
import { tableNames } from '../src/projections/projection.js';
import { installProjections, PROJECTIONS, showNewer } from '../src/projections/registry.js';
import { silent } from './jobs-fixture.js';

const TABLES = `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`;
const ONE_EVENT = `insert into events values (1, gen_random_uuid(), 's', 1, 1, 'com.ourvidz.job.cancelled', 1, 'j',
  '{"a": 1}', '{}', '\\x00', now(), now())`;

let postgres: TestPostgres;
let database: Database;

beforeAll(async () => {
  postgres = await testPostgres();
  database = new Database(postgres.url, silent);
});
afterAll(async () => {
  await database.close();
  await postgres.close();
});

describe('when the database is empty', () => {
  test('two services that start at once bring it to its head', async () => {
    await Promise.all([migrate(postgres.url, silent), migrate(postgres.url, silent)]);
    await Promise.all([installProjections(database), installProjections(database)]);
    const tables = (await database.query<{ name: string }>(TABLES)).map(({ name }) => name);
    expect(tables).toEqual(expect.arrayContaining(['events', 'log_head', 'stream_checkpoint', 'jobs_v3', 'jobs']));
  });

  test('every migration can be undone', async () => {
    const { url, close } = await testPostgres();
    const source = await migrationSource(url).initialize();
    for (const { name } of await source.runMigrations()) {
      await source.undoLastMigration();
      expect(name).toBeTruthy();
    }
    expect(await source.query(TABLES)).toEqual([{ name: 'migrations' }]);
    await source.destroy();
    await close();
  });
});

describe('when the database has the log and its events', () => {
  test('the projections are added and the events stay', async () => {
    const { url, close } = await testPostgres();
    const source = await migrationSource(url).initialize();
    await atFirstMigration(source);
    await source.query(ONE_EVENT);
    await source.runMigrations();
    expect(await source.query('select position, data from events')).toEqual([{ position: '1', data: { a: 1 } }]);
    expect(await source.query('select * from projections')).toEqual([]);
    await source.destroy();
    await close();
  });
});

async function atFirstMigration(source: DataSource): Promise<void> {
  await source.runMigrations();
  for (let undo = source.migrations.length; undo > 1; undo--) await source.undoLastMigration();
}

describe('when a database has projections from before there were builds', () => {
  test('what is live stays live, what was live is kept, what is new is new, and what is parked stays parked', async () => {
    const { url, close } = await testPostgres();
    const source = await migrationSource(url).initialize();
    await source.runMigrations();
    while ((await source.query("select 1 from migrations where name like 'Builds%'")).length > 0) {
      await source.undoLastMigration();
    }
    await source.query(`create table assets_v2 (id uuid); create table asset_jobs_v2 (id uuid);
      insert into projections (name, version, position, live) values ('assets', 1, 5, false), ('assets', 2, 9, true),
        ('assets', 3, 7, false);
      insert into projection_parked (name, version, position, subject_id, error) values ('assets', 2, 8, 's', 'e')`);
    await source.runMigrations();
    const builds = `select version, build, live, tables, shown_at is not null as shown from projections order by version`;
    expect(await source.query(builds)).toEqual([
      { version: 1, build: 1, live: false, tables: [], shown: true },
      { version: 2, build: 1, live: true, tables: ['assets', 'asset_jobs'], shown: true },
      { version: 3, build: 1, live: false, tables: [], shown: false },
    ]);
    expect(await source.query('select version, build, subject_id from projection_parked')).toEqual([
      { version: 2, build: 1, subject_id: 's' },
    ]);
    await source.destroy();
    await close();
  });
});

describe('when events are logged', () => {
  beforeAll(async () => {
    await database.query(ONE_EVENT);
  });

  test.each([
    'update events set data = null',
    'delete from events',
    'truncate events',
    "set session_replication_role = 'replica'; delete from events",
  ])('`%s` is refused, also for the owner and a superuser', async (statement) => {
    await expect(database.transaction((tx) => tx.query(statement))).rejects.toThrow('append-only');
    expect(await database.query('select count(*) as count from events')).toEqual([{ count: 1 }]);
  });

  test('the rights to change them are revoked too', async () => {
    const [rights] = await database.query(`select
      (select bool_or(acl.privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE')) from pg_class,
       aclexplode(relacl) acl where relname = 'events') as changeable`);
    expect(rights).toEqual({ changeable: false });
  });
});

describe('when a projection has a new version', () => {
  test('its tables lie beside the live ones until they are switched, and readers see either', async () => {
    const [jobs] = PROJECTIONS;
    if (!jobs) throw new Error('no projection');
    const next = { ...jobs, version: jobs.version + 1 };
    await installProjections(database, [next]);
    await database.query(`insert into ${tableNames(next.version)('jobs')} (id, account_key, job_type, status, created_at, last_event_at, state, position)
      values (gen_random_uuid(), 'a', 't', 'queued', now(), now(), '{}', 1)`);
    expect(await database.query('select * from jobs')).toHaveLength(0);
    await database.transaction((tx) => showNewer(tx, next));
    expect(await database.query('select * from jobs')).toHaveLength(1);
    expect(await database.query("select version, live from projections where name = 'jobs' order by version")).toEqual([
      { version: jobs.version, live: false },
      { version: next.version, live: true },
    ]);
  });
});
