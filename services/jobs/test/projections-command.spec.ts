/** `ourvidz-events projections …` as operators run it: the real program, with nothing but the database. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '#launcher/poll.js';
import { runEventsTool, startEventsTool, type ToolRun } from '../../../test/support/events-tool.js';
import { seededHistory } from '../../../test/support/seeded-history.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database } from '../src/database/database.js';
import { takeOverLog } from '../src/event-log/log-statements.js';
import { PROJECTIONS } from '../src/projections/registry.js';
import { openDatabase, runProjections } from './jobs-fixture.js';
import { appendToLog } from './made-up-log.js';

const EVENTS = 10_000;
const PATIENCE_MS = 30_000;

let postgres: TestPostgres;
let database: Database;

beforeAll(async () => {
  postgres = await testPostgres();
  database = await openDatabase(postgres.url);
  await appendToLog(database, await takeOverLog(database), seededHistory({ seed: 31, events: EVENTS }), 2_000);
  await runProjections(database);
});
afterAll(async () => {
  await database.close();
  await postgres.close();
});

function run(...args: string[]): Promise<ToolRun> {
  return runEventsTool(['projections', ...args], { DATABASE_URL: postgres.url });
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...args, '--json');
  if (code !== 0) throw new Error(`${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

describe('while there are live builds alone, bad input', () => {
  test.each<[number, string, ...string[]]>([
    [2, 'There is no projection nothing', 'rebuild', 'nothing'],
    [2, 'in the future', 'as-of', '2999-01-01'],
    [4, 'no other build', 'compare', 'projects'],
    [4, 'no build from before', 'rollback', 'projects'],
  ])('ends it with %i and says: %s', async (code, message, ...args) => {
    expect(await run(...args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });
});

interface Rebuilt {
  readonly projections: readonly { name: string; switched: boolean; comparison: { isEqual: boolean } | null }[];
}

describe('projections rebuild', () => {
  test('when it is killed half-way, the next one goes on; a second one meanwhile is refused', async () => {
    const first = startEventsTool(['projections', 'rebuild', '--all'], { DATABASE_URL: postgres.url });
    await pollUntil('the rebuild to be half-way', PATIENCE_MS, async () => {
      const [row] = await database.query<{ position: number }>(
        'select min(position) as position from projections where shown_at is null having count(*) = $1',
        [PROJECTIONS.length],
      );
      return row && row.position > 0 ? row : undefined;
    });
    first.child.kill('SIGSTOP');
    const second = await run('rebuild', 'jobs');
    expect(second).toMatchObject({ code: 4, stderr: expect.stringContaining('already running') });
    first.child.kill('SIGKILL');
    await first.ended;
    const again = await run('rebuild', '--all', '--json');
    expect(again.stderr).toMatch(/jobs: goes on at position [1-9]/);
    const { projections } = JSON.parse(again.stdout) as Rebuilt;
    expect(projections.map(({ name, switched, comparison }) => [name, switched, comparison?.isEqual])).toEqual(
      PROJECTIONS.map(({ name }) => [name, true, true]),
    );
  });

  test('rows that differ are asked about, with nobody there it is refused; --yes agrees; rollback undoes it', async () => {
    const balances = () => database.query('select account_key, balance from accounts order by 1');
    const right = await balances();
    await database.query('update accounts set balance = balance + 1');
    const wrong = await balances();
    const unasked = await run('rebuild', 'accounts');
    expect(unasked).toMatchObject({ code: 4, stderr: expect.stringContaining('differs from what readers see') });
    expect(await balances()).toEqual(wrong);
    expect(await run('compare', 'accounts')).toMatchObject({ code: 1, stdout: expect.stringContaining('DIFFERENT') });
    expect((await run('rebuild', 'accounts', '--yes')).code).toBe(0);
    expect(await balances()).toEqual(right);
    expect((await run('rollback', 'accounts')).code).toBe(0);
    expect(await balances()).toEqual(wrong);
  });

  test('--no-switch leaves a new build beside the live one, which switch shows', async () => {
    expect((await run('rebuild', 'usage', '--no-switch')).code).toBe(0);
    expect((await run('list')).stdout).toMatch(/usage .*is new, at 10,000/);
    expect((await run('switch', 'usage')).stdout).toContain('Readers of usage see build');
  });
});

describe('projections as-of', () => {
  test('makes a schema to query; --drop removes it', async () => {
    const [middle] = await database.query<{ time: Date; jobs: number }>(
      'select created_at as time from jobs order by created_at offset 50 limit 1',
    );
    const time = middle?.time.toISOString() ?? '';
    const { schema } = await json<{ schema: string }>('as-of', time, '--only', 'jobs', 'accounts');
    const count = () => database.query<{ n: number }>(`select count(*) as n from ${schema}.jobs`);
    expect(await count()).toEqual([{ n: 51 }]);
    expect((await run('status')).stdout).toContain(`as of ${time}`);
    expect((await run('as-of', time, '--drop')).code).toBe(0);
    await expect(count()).rejects.toThrow('does not exist');
  });
});

describe('projections pause and resume', () => {
  test('are seen in the list', async () => {
    expect((await run('pause', 'webhooks')).code).toBe(0);
    expect((await run('list')).stdout).toMatch(/webhooks .*paused/);
    expect((await run('resume', '--all')).code).toBe(0);
    expect(await database.query('select * from projection_pauses')).toEqual([]);
  });
});

describe('with --dry-run', () => {
  test.each([
    ['rebuild', '--all'],
    ['as-of', '2026-01-02'],
  ])('%s changes nothing', async (...args) => {
    const before = await database.query('select * from projections order by name, version, build');
    expect((await run(...args, '--dry-run')).code).toBe(0);
    expect(await database.query('select * from projections order by name, version, build')).toEqual(before);
    expect(await database.query('select * from projection_pauses')).toEqual([]);
  });
});
