import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goldenFiles, goldenHistory } from '../../../libs/contracts/test/golden-events.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database } from '../src/database/database.js';
import { logRow } from '../src/event-log/log-row.js';
import { chainFresh, insertRows, lockHead, takeOverLog } from '../src/event-log/log-statements.js';
import { openDatabase, runProjections } from './jobs-fixture.js';

describe.each(['oldest', 'newest'] as const)('when the log holds the golden history in the %s versions', (which) => {
  let postgres: TestPostgres;
  let database: Database;

  beforeAll(async () => {
    postgres = await testPostgres();
    database = await openDatabase(postgres.url);
    await logGolden(which);
    await runProjections(database);
  });
  afterAll(async () => {
    await database.close();
    await postgres.close();
  });

  test('its rows are what they have been ever since', async () => {
    const rows = await database.query<{ type: string; data: unknown }>(
      `select type || '.v' || schema_version as type, data from events where event_id = any($1::uuid[])`,
      [[...goldenFiles().values()].flat().map(({ id }) => id)],
    );
    expect(rows).toHaveLength(goldenHistory(which).length);
    const [last] = await database.query<{ hash: string }>(
      `select encode(hash, 'hex') as hash from events where subject_id = $1 order by position desc limit 1`,
      ['0190f001-1111-7000-8000-00000000abc0'],
    );
    expect(last?.hash).toBe(HEAD_OF_THE_FIRST_JOB);
  });

  test('every projection takes all of it', async () => {
    expect(await database.query('select * from projection_parked')).toEqual([]);
    const jobs = await database.query<{ status: string; attempt: number | null }>(
      `select status, (state #>> '{failed,attempt}')::integer as attempt from jobs order by created_at`,
    );
    expect(jobs).toEqual([
      { status: 'completed', attempt: null },
      { status: 'completed', attempt: null },
      { status: 'cancelled', attempt: null },
      { status: 'failed', attempt: null },
      { status: 'failed', attempt: 2 },
      { status: 'queued', attempt: null },
    ]);
    const usage = await database.query('select status, credits from usage_log order by requested_at');
    expect(usage).toEqual([
      { status: 'charged', credits: 2 },
      { status: 'charged', credits: 3 },
      { status: 'released', credits: 0 },
      { status: 'released', credits: 0 },
      { status: 'released', credits: 0 },
      { status: 'reserved', credits: 3 },
    ]);
    expect(await database.query('select balance, reserved from accounts')).toEqual([{ balance: 87, reserved: 3 }]);
    expect(await database.query('select count(*) as count from assets where not deleted')).toEqual([{ count: 3 }]);
  });

  async function logGolden(versions: typeof which): Promise<void> {
    const history = goldenHistory(versions);
    const generation = await takeOverLog(database);
    for (const stream of new Set(history.map((event) => event.stream))) {
      const own = history.filter((event) => event.stream === stream);
      const rows = own.map((event) => logRow(stream, { ...event, storedAt: event.time }));
      await database.transaction(async (tx) => {
        const head = await lockHead(tx, generation);
        await insertRows(tx, head, { stream, epoch: 1 }, await chainFresh(tx, rows));
      });
    }
  }
});

/** Of a job none of whose events has an older version. Another one: what is stored would hash differently from now on. */
const HEAD_OF_THE_FIRST_JOB = 'bf6ba40fd92607801fabd0c57bc0d34fca4e86efc1c3b5b447931d1bd65797e5';
