import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pollUntil } from '#launcher/poll.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import { migrationSource } from '../src/database/data-source.js';
import { Database } from '../src/database/database.js';
import { DatabaseUnavailableError } from '../src/database/database-errors.js';
import { migrate } from '../src/database/migrate.js';
import { LogMonths } from '../src/event-log/log-months.js';
import { SupersededError, takeOverLog } from '../src/event-log/log-statements.js';
import { type Fixture, logLines, openFixture, silent, startLeader, untilLogged } from './jobs-fixture.js';
import { makeJob } from './some-jobs.js';

const MONTH = new Date().toISOString().slice(0, 7);
const PARTITION = `events_${MONTH.replace('-', '_')}`;

/** A moment of a later month. */
function inMonths(count: number): number {
  const now = new Date();
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + count, 2);
}

function partitionInMonths(count: number): string {
  return `events_${new Date(inMonths(count)).toISOString().slice(0, 7).replace('-', '_')}`;
}

const PARTITIONS = `
  select relname as name, pg_get_expr(relpartbound, oid) as bound, reltuples::integer as rows
    from pg_class where relispartition and relkind = 'r' order by relname`;

const WAITING = `select 1 from pg_stat_activity
  where datname = current_database() and query like 'alter table%validate%' and wait_event_type = 'Lock'`;

async function partitions(database: Database): Promise<string[]> {
  const rows = await database.query<{ name: string; bound: string }>(PARTITIONS);
  return rows.map(({ name, bound }) => `${name} ${bound.replace('FOR VALUES ', '')}`);
}

/** Adds events of seven subjects, as the writer does, up to a position. */
async function logUpTo(database: Database, position: number): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query(
      `insert into events
       select n, md5(n::text)::uuid, 'S', 1, n, 'com.ourvidz.job.cancelled', 1, 'subject-' || n % 7, '{"a": 1}', '{}',
              sha256(n::text::bytea), now(), now()
         from log_head, generate_series(position + 1, $1) n`,
      [position],
    );
    await tx.query('update log_head set position = $1', [position]);
  });
}

describe('the months of a log', () => {
  let postgres: TestPostgres;
  let database: Database;
  let generation: number;
  let stopping: AbortController;
  beforeEach(async () => {
    stopping = new AbortController();
    postgres = await testPostgres();
    await migrate(postgres.url, silent);
    database = new Database(postgres.url, silent);
    generation = await takeOverLog(database);
    return async () => {
      await database.close();
      await postgres.close();
    };
  });
  const keep = (months: number, sessions = database) =>
    new LogMonths(sessions, silent, () => inMonths(months)).keep({ generation, signal: stopping.signal });

  test('while its month lasts, and while it is empty › the last partition stays open', async () => {
    expect(await keep(1)).toBeUndefined();
    await logUpTo(database, 10);
    expect(await keep(0)).toBeUndefined();
    expect(await partitions(database)).toEqual([`${PARTITION} FROM (MINVALUE) TO (MAXVALUE)`]);
  });

  test('when a month is over › the next one begins a little later, and nothing is lost', async () => {
    await logUpTo(database, 1_000);
    const before = await logLines(database);
    expect(await keep(1)).toBe(PARTITION);
    expect(await keep(1)).toBeUndefined();
    expect(await logLines(database)).toEqual(before);
    await logUpTo(database, 1_500);
    // A month without events has no partition.
    expect(await keep(3)).toBe(partitionInMonths(1));
    await logUpTo(database, 1_600);
    expect(await partitions(database)).toEqual([
      `${PARTITION} FROM ('1') TO ('1011')`,
      `${partitionInMonths(1)} FROM ('1011') TO ('1506')`,
      `${partitionInMonths(3)} FROM ('1506') TO (MAXVALUE)`,
    ]);
    const counts = await database.query(
      'select tableoid::regclass::text as name, count(*) as count from events group by 1 order by 1',
    );
    expect(counts.map(({ count }) => count)).toEqual([1_010, 495, 95]);
    expect((await logLines(database)).map(({ position }) => position)).toEqual(
      Array.from({ length: 1_600 }, (_, k) => k + 1),
    );
  });

  test('killed at any step › it is finished by the next one, and the writer goes on meanwhile', async () => {
    await logUpTo(database, 300);
    for (let step = 0, killed = true; killed; step++) {
      const dying = crashing(database, step);
      killed = await keep(step + 1, dying).then(
        () => false,
        (error: Error) => error.message === 'killed' || Promise.reject(error),
      );
      const [head] = await database.query<{ position: number }>('select position from log_head');
      await logUpTo(database, (head?.position ?? 0) + 1);
      if (killed) expect(await keep(step + 1)).toMatch(/^events_/);
      expect(await database.query("select conname from pg_constraint where conname like 'until%'")).toEqual([]);
      const [last] = await database.query<{ position: number }>('select max(position) as position from events');
      await logUpTo(database, (last?.position ?? 0) + 100);
    }
    const lines = await logLines(database);
    expect(lines.map(({ position }) => position)).toEqual(lines.map((_, index) => index + 1));
    expect((await partitions(database)).length).toBeGreaterThan(15);
  });

  test('when the writer is faster than expected › it waits at the end of the month instead of going past it', async () => {
    await logUpTo(database, 200);
    // Killed after the end was decided: the month ends with position 202.
    await expect(keep(1, crashing(database, 6))).rejects.toThrow('killed');
    await logUpTo(database, 202);
    await expect(logUpTo(database, 203)).rejects.toThrow('until_next_month');
    await keep(1);
    await logUpTo(database, 203);
    expect(await partitions(database)).toHaveLength(2);
  });

  test('while somebody reads for long › it gives up soon, and tries again later', async () => {
    await logUpTo(database, 100);
    await database.transaction(async (tx) => {
      await tx.query('select count(*) from events');
      await expect(keep(1)).rejects.toThrow('lock timeout');
    });
    expect(await keep(1)).toBe(PARTITION);
  });

  test('stopped while a month is read through › it ends at once, and the next one finishes', async () => {
    await logUpTo(database, 100);
    await expect(keep(1, crashing(database, 6))).rejects.toThrow('killed');
    await database.transaction(async (tx) => {
      // Keeps the reading waiting, and nothing else.
      await tx.query(`lock table ${PARTITION} in share update exclusive mode`);
      const kept = keep(1);
      kept.catch(() => undefined);
      await pollUntil('the reading to wait', 5_000, async () => (await database.query(WAITING))[0]);
      stopping.abort();
      await expect(kept).rejects.toThrow(DatabaseUnavailableError);
    });
    stopping = new AbortController();
    expect(await keep(1)).toBe(PARTITION);
  });

  test('another process has taken over › nothing is changed', async () => {
    await logUpTo(database, 100);
    await takeOverLog(database);
    await expect(keep(1)).rejects.toThrow(SupersededError);
    expect(await partitions(database)).toHaveLength(1);
  });

  test('an id is taken once in all months, and a place in a stream once in each', async () => {
    await logUpTo(database, 100);
    await keep(1);
    await logUpTo(database, 150);
    const insert = (position: number, id: string, sequence: number) =>
      database.query(`insert into events values ($1, $2, 'S', 1, $3, 't', 1, 'x', '{}', '{}', '\\x00', now(), now())`, [
        position,
        id,
        sequence,
      ]);
    const [first] = await logLines(database);
    const fresh = '01900000-0000-7000-8000-000000000000';
    await expect(insert(151, first?.event_id ?? '', 151)).rejects.toThrow('event_ids_pkey');
    await expect(insert(151, fresh, 150)).rejects.toThrow('_sequence');
    await expect(insert(150, fresh, 151)).rejects.toThrow('_pkey');
    await insert(151, fresh, 151);
  });

  test('no partition, old or new, can be changed or gone past', async () => {
    await logUpTo(database, 100);
    await keep(1);
    await logUpTo(database, 150);
    const tables = [PARTITION, partitionInMonths(1), 'events', 'event_ids'];
    const statements = tables.flatMap((table) => [
      `update ${table} set position = 0`,
      `delete from ${table}`,
      `truncate ${table}`,
      `set session_replication_role = 'replica'; delete from ${table}`,
    ]);
    const inserted =
      'select 151, gen_random_uuid(), stream, 1, 151, type, 1, subject_id, data, metadata, hash, now(), now()';
    statements.push(`insert into ${partitionInMonths(1)} ${inserted} from events where position = 1`);
    for (const statement of statements) {
      await expect(
        database.transaction((tx) => tx.query(statement)),
        statement,
      ).rejects.toThrow('append-only');
    }
    const [rights] = await database.query(
      `select bool_or(acl.privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE')) as changeable
         from pg_class, aclexplode(relacl) acl where relname = any($1)`,
      [tables],
    );
    expect(rights).toEqual({ changeable: false });
  });

  test('what is read by position, and the last event of a subject, is looked for where it can be', async () => {
    await logUpTo(database, 5_000);
    for (const months of [1, 2, 3]) {
      await keep(months);
      const [{ position } = { position: 0 }] = await database.query<{ position: number }>(
        'select position from log_head',
      );
      await logUpTo(database, position + 5_000);
    }
    await database.query('analyze events');
    const range = await planOf('select * from events where position > 12000 and position <= 12500 order by position');
    expect(range.match(/events_\d{4}_\d\d\b/g)).toEqual([partitionInMonths(2)]);
    expect(range).toMatch(/Index Scan using events_\d{4}_\d\d_pkey/);
    expect(range).not.toContain('Sort');
    const last = await planOf(
      "select hash from events where subject_id = 'subject-3' order by position desc limit 1",
      true,
    );
    expect(last).not.toContain('Sort');
    expect(last.match(/never executed/g)).toHaveLength(3);
  });

  async function planOf(statement: string, analyze = false): Promise<string> {
    const rows = await database.query<{ 'QUERY PLAN': string }>(
      `explain (costs off${analyze ? ', analyze' : ''}) ${statement}`,
    );
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  }
});

/** A database whose session is cut before its nth statement. */
function crashing(database: Database, statements: number): Database {
  let left = statements;
  const openSession: Database['openSession'] = async (timeout) => {
    const client = await database.openSession(timeout);
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    const dying = async (...args: unknown[]) => {
      if (left-- > 0) return query(...args);
      await client.end();
      throw new Error('killed');
    };
    return Object.assign(client, { query: dying });
  };
  return { openSession } as Database;
}

describe('while a leader writes', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await openFixture();
  });
  afterAll(() => fixture.close());

  test('month after month begins › no event is lost, doubled or out of order, and chains go on over months', async () => {
    const leader = startLeader(fixture);
    const term = { generation: await leader.leading, signal: new AbortController().signal };
    let writing = true;
    const jobs = async () => {
      while (writing) await Promise.all(Array.from({ length: 5 }, () => makeJob(fixture.store)));
    };
    const written = jobs();
    for (let months = 1; months <= 4; months++) {
      await untilLogged(fixture);
      await makeJob(fixture.store);
      await untilLogged(fixture);
      expect(await new LogMonths(fixture.database, silent, () => inMonths(months)).keep(term)).toMatch(/^events_/);
    }
    writing = false;
    await written;
    await untilLogged(fixture);
    await leader.stop();
    const lines = await logLines(fixture.database);
    expect(lines.map(({ position }) => position)).toEqual(lines.map((_, index) => index + 1));
    expect(new Set(lines.map((line) => line.event_id)).size).toBe(lines.length);
    expect(await partitions(fixture.database)).toHaveLength(5);
    const broken = await fixture.database.query(`
      select position from (
        select position, hash, event_hash(lag(hash) over (partition by subject_id order by position), event_id, type,
                                          schema_version, subject_id, occurred_at, data) as expected from events) links
       where hash <> expected`);
    expect(broken).toEqual([]);
  });
});

describe('a log that was there before the months', () => {
  let source: DataSource;
  let postgres: TestPostgres;
  let database: Database;
  beforeAll(async () => {
    postgres = await testPostgres();
    source = await migrationSource(postgres.url).initialize();
  });
  afterAll(async () => {
    await database?.close();
    await source.destroy();
    await postgres.close();
  });

  test('keeps its events on the way there and back, from any number of months', async () => {
    await source.runMigrations();
    await undoDownTo('LogMonths');
    await source.query(
      `insert into events select n, md5(n::text)::uuid, 'S', 1, n, 't', 1, 'subject-' || n % 7, '{"a": 1}', '{}',
              sha256(n::text::bytea), now() - interval '90 days', now() - interval '90 days' from generate_series(1, 500) n`,
    );
    await source.query('update log_head set position = 500');
    const before = await source.query('select * from events order by position');
    const shape = await shapeOf('events');

    await migrate(postgres.url, silent);
    database = new Database(postgres.url, silent);
    expect(await source.query('select * from events order by position')).toEqual(before);
    expect(await partitions(database)).toEqual([`${PARTITION} FROM (MINVALUE) TO (MAXVALUE)`]);
    const ids = 'select count(*)::integer as count from event_ids join events using (event_id, position)';
    expect(await source.query(ids)).toEqual([{ count: 500 }]);
    const term = { generation: await takeOverLog(database), signal: new AbortController().signal };
    expect(await new LogMonths(database, silent, () => inMonths(1)).keep(term)).toBe(PARTITION);
    await logUpTo(database, 600);
    const all = await source.query('select * from events order by position');
    expect(all.slice(0, 500)).toEqual(before);

    await undoDownTo('LogMonths');
    expect(await source.query('select * from events order by position')).toEqual(all);
    expect(await shapeOf('events')).toEqual(shape);
    await expect(source.query('delete from events')).rejects.toThrow('append-only');
    await source.runMigrations();
    expect(await source.query('select * from events order by position')).toEqual(all);
  });

  async function undoDownTo(name: string): Promise<void> {
    for (;;) {
      const [last] = await source.query('select name from migrations order by id desc limit 1');
      await source.undoLastMigration();
      if (last.name.startsWith(name)) return;
    }
  }

  /** What the table promises, whatever its indexes are called. */
  async function shapeOf(table: string): Promise<unknown> {
    return source.query(
      `select pg_get_constraintdef(oid) as promise from pg_constraint where conrelid = $1::text::regclass
       union select regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON') from pg_indexes where tablename = $1::text
       union select pg_get_triggerdef(oid) || tgenabled::text from pg_trigger where tgrelid = $1::text::regclass
       union select acl.privilege_type from pg_class, aclexplode(relacl) acl where relname = $1::text order by 1`,
      [table],
    );
  }
});
