import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventType } from '#contracts/events/registry.js';
import { accountKeyOf } from '#contracts/ids.js';
import type { LoggedEvent } from '../src/event-log/logged-event.js';
import { accountsProjection, projectAccount } from '../src/projections/accounts.projection.js';
import { tableNames } from '../src/projections/projection.js';
import { projectUsage, usageProjection } from '../src/projections/usage.projection.js';
import { listUsage, listUsageStatement } from '../src/queries/usage-lists.js';
import { type Fixture, openFixture, runProjections, startLeader, writeLog } from './jobs-fixture.js';
import { SomeAccounts } from './some-accounts.js';
import { aRequest, cancel, work } from './some-jobs.js';

const request = aRequest({ credits: 4 });
const { jobId, accountKey } = request;
const other = aRequest().jobId;
const after = (balance: number, reservations: Record<string, number> = {}) => ({ accountKey, balance, reservations });

const requested = { type: 'JobRequested', data: request } as const;
const granted = { type: 'CreditsGranted', data: { ...after(10), amount: 10, reason: 'r', grantedBy: 'root' } } as const;
const reserved = { type: 'CreditsReserved', data: { ...after(6, { [jobId]: 4 }), jobId, amount: 4 } } as const;
const second = {
  type: 'CreditsReserved',
  data: { ...after(5, { [jobId]: 4, [other]: 1 }), jobId: other, amount: 1 },
} as const;
const charged = { type: 'CreditsCharged', data: { ...after(7), jobId, amount: 3 } } as const;
const released = { type: 'CreditsReleased', data: { ...after(10), jobId, amount: 4 } } as const;

interface Told {
  readonly type: EventType;
  readonly data: object;
}

/** At positions 1, 2, …; event n happened in second n and was logged a minute later. */
function log<T extends EventType>(...events: readonly Told[]): LoggedEvent<T>[] {
  return events.map(({ type, data }, index) => {
    const position = index + 1;
    const times = { time: at(position), recordedAt: at(position + 60) };
    return { type, data, id: `e${position}`, ...times, sequence: position, position, subjectId: 'x' };
  }) as unknown as LoggedEvent<T>[];
}

function at(second: number): string {
  return new Date(second * 1_000).toISOString();
}

describe('the accounts projection', () => {
  test('given two reservations › each is open since the log first had it', () => {
    expect(projectAccount(undefined, log(granted, reserved, second))).toEqual({
      accountKey,
      balance: 5,
      reservations: { [jobId]: { credits: 4, since: at(62) }, [other]: { credits: 1, since: at(63) } },
      lastEvent: 'CreditsReserved',
      lastEventAt: at(3),
      position: 3,
    });
  });

  test('given a reservation and its charge › none is open', () => {
    expect(projectAccount(undefined, log(granted, reserved, charged))).toMatchObject({ balance: 7, reservations: {} });
  });

  test('given events that it has › the account stays the very same', () => {
    const events: Parameters<typeof projectAccount>[1] = log(granted, reserved, charged);
    const once = projectAccount(undefined, events);
    expect(projectAccount(once, events)).toBe(once);
  });

  test('given a reservation that names no job › it is refused', () => {
    const strange = { ...reserved, data: { ...reserved.data, reservations: { x: 1 } } };
    expect(() => projectAccount(undefined, log(strange))).toThrow('names no job');
  });
});

describe('the usage projection', () => {
  const usageOf = (...events: readonly Told[]) => projectUsage(undefined, log(...events))?.usage;

  test('given a request without a reservation › nothing is used', () => {
    expect(usageOf(requested)).toMatchObject({ status: 'unreserved', credits: 0, requestedAt: at(1) });
  });

  test.each([
    ['reservation and request', [reserved, requested]],
    ['request and reservation, as the streams may be logged', [requested, reserved]],
  ])('given %s › the reserved credits show', (_title, events) => {
    expect(usageOf(...events)).toMatchObject({ status: 'reserved', credits: 4, request: { jobType: request.jobType } });
  });

  test('given a charge of less › what was charged shows', () => {
    expect(usageOf(reserved, requested, charged)).toMatchObject({ status: 'charged', credits: 3, settledAt: at(3) });
  });

  test('given a charge that is logged before the request, as after the loss of the log › the same', () => {
    expect(usageOf(reserved, charged, requested)).toMatchObject({ status: 'charged', credits: 3, requestedAt: at(3) });
  });

  test('given a release › nothing is used', () => {
    expect(usageOf(reserved, requested, released)).toMatchObject({ status: 'released', credits: 0, settledAt: at(3) });
  });

  test('given a release before the job appeared, and the same request again › it counts anew', () => {
    const again = usageOf(reserved, released, reserved, requested);
    expect(again).toMatchObject({ status: 'reserved', credits: 4 });
    expect(again?.settledAt).toBeUndefined();
  });

  test('given a second reservation after the charge › the charge stays', () => {
    expect(usageOf(reserved, requested, charged, reserved, released)).toMatchObject({ status: 'charged', credits: 3 });
  });

  test('given a reservation whose job never appeared › there is no request to show', () => {
    expect(usageOf(reserved, released)).not.toHaveProperty('requestedAt');
  });

  test('given events that it has › the usage stays the very same', () => {
    const events: Parameters<typeof projectUsage>[1] = log(reserved, requested, charged);
    const once = projectUsage(undefined, events);
    expect(projectUsage(once, events)).toBe(once);
  });
});

describe('over a log of real accounts and jobs', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await openFixture();
    const accounts = new SomeAccounts(fixture.bus);
    const leader = startLeader(fixture);
    for (const user of ['ann', 'ben']) {
      await accounts.grant(user, 50);
      const jobs = [await accounts.reservedRequest(user), await accounts.reservedRequest(user)];
      for (const job of jobs) await fixture.store.request(job);
      await work(fixture.store, jobs[0] ?? request, 6);
      await cancel(fixture.store, jobs[1]?.jobId ?? '');
      await accounts.untilSettled(user);
      await accounts.reservedRequest(user);
    }
    await leader.stop();
    await writeLog(fixture);
    await runProjections(fixture.database);
  });
  afterAll(() => fixture.close());

  test.each([accountsProjection, usageProjection])(
    '$name: handling every event twice changes nothing',
    async (projection) => {
      const [table = ''] = projection.tables.map(tableNames(projection.version));
      const contents = () => fixture.database.query(`select * from ${table} order by 1`);
      const once = await contents();
      await fixture.database.query('update projections set position = 0 where name = $1', [projection.name]);
      await runProjections(fixture.database);
      expect(await contents()).toEqual(once);
      expect(once.length).toBeGreaterThan(0);
    },
  );

  test('an account is what its last event says', async () => {
    const rows = await fixture.database.query(
      'select balance, reserved, last_event from accounts where account_key = $1',
      [accountKeyOf('ann')],
    );
    expect(rows).toEqual([{ balance: 38, reserved: 6, last_event: 'CreditsReserved' }]);
  });

  test('usage adds up to what was charged', async () => {
    const rows = await fixture.database.query(
      'select status, sum(credits) as credits, count(*) as jobs from usage_log group by status order by status',
    );
    expect(rows).toEqual([
      { status: 'charged', credits: '12', jobs: 2 },
      { status: 'released', credits: '0', jobs: 2 },
      { status: 'reserved', credits: '12', jobs: 2 },
    ]);
  });

  test('the check in the operations guide finds nothing, and a balance that is not right', async () => {
    const guide = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const [, check = ''] = /```sql\n(select account_key[^`]+);\n```/.exec(guide) ?? [];
    expect(await fixture.database.query(check)).toEqual([]);
    await fixture.database.query('update accounts set balance = balance + 1 where account_key = $1', [
      accountKeyOf('ann'),
    ]);
    expect(await fixture.database.query(check)).toMatchObject([{ account_key: accountKeyOf('ann') }]);
    await fixture.database.query('update accounts set balance = balance - 1 where account_key = $1', [
      accountKeyOf('ann'),
    ]);
  });

  describe('usage.list', () => {
    const list = (over: Partial<Parameters<typeof listUsage>[1]> = {}) =>
      listUsage(fixture.database, { accountKey: accountKeyOf('ann'), limit: 50, ...over });

    test('has what jobs of one account cost, newest first, and no reservation without a job', async () => {
      const { usage, nextCursor } = await list();
      expect(usage.map(({ status, credits }) => [status, credits])).toEqual([
        ['released', 0],
        ['charged', 6],
      ]);
      expect(usage.map(({ request: { userId } }) => userId)).toEqual(['ann', 'ann']);
      expect(nextCursor).toBeNull();
    });

    test('comes in pages', async () => {
      const first = await list({ limit: 1 });
      const next = await list({ limit: 1, cursor: first.nextCursor ?? undefined });
      expect([...first.usage, ...next.usage]).toEqual((await list()).usage);
      expect(next.nextCursor).toBeNull();
    });

    test('filters by job type and time', async () => {
      const [newest] = (await list()).usage;
      expect((await list({ jobType: 'sdxl_image_fast' })).usage).toHaveLength(2);
      expect((await list({ jobType: 'video_high' })).usage).toHaveLength(0);
      expect((await list({ from: newest?.requestedAt })).usage).toEqual([newest]);
      expect((await list({ to: newest?.requestedAt })).usage).toHaveLength(1);
    });

    test.each([
      ['a page', {}],
      ['a job type', { jobType: 'video_high' as const }],
      ['a time', { from: '2026-01-01', to: '2036-01-01' }],
    ])('%s of a big table is read by an index', async (_name, over) => {
      const table = tableNames(usageProjection.version)('usage_log');
      await fixture.database.query(`insert into ${table} (job_id, account_key, job_type, requested_at, status, credits, state, position)
        select gen_random_uuid(), 'account' || n % 50, case n % 9 when 0 then 'video_high' else 'image_fast' end,
               now() - n * interval '1 second', 'charged', 1, '{}', n from generate_series(1, 20000) n`);
      await fixture.database.query('analyze');
      const { text, values } = listUsageStatement({ accountKey: 'account7', limit: 20, ...over });
      const rows = await fixture.database.query<{ 'QUERY PLAN': string }>(
        `explain (analyze, costs off) ${text}`,
        values,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).not.toContain('Seq Scan');
      expect(plan).not.toContain('Sort');
      await fixture.database.query(`delete from ${table} where account_key like 'account%'`);
    });
  });
});
