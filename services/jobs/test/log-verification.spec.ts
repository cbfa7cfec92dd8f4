import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccountEvent } from '#contracts/domain/account.js';
import { type Account, emptyAccount } from '#contracts/domain/account.js';
import { seededHistory } from '../../../test/support/seeded-history.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database } from '../src/database/database.js';
import { readHead, takeOverLog } from '../src/event-log/log-statements.js';
import type { Check, Findings } from '../src/verification/findings.js';
import { ledgerFault } from '../src/verification/ledger.js';
import { checkHead, verifyLog } from '../src/verification/verify-log.js';
import { openDatabase } from './jobs-fixture.js';
import { appendToLog } from './made-up-log.js';

/** More than one stretch. */
const EVENTS = 12_000;

let postgres: TestPostgres;
let database: Database;
/** The partition, which a forger with all rights reaches. */
let part: string;

beforeAll(async () => {
  postgres = await testPostgres();
  database = await openDatabase(postgres.url);
  await appendToLog(database, await takeOverLog(database), seededHistory({ seed: 7, events: EVENTS }), 2_000);
  const [row] = await database.query<{ part: string }>('select tableoid::regclass::text as part from events limit 1');
  part = row?.part ?? '';
  for (const table of [part, 'event_ids']) await database.query(`alter table ${table} disable trigger append_only`);
});
afterAll(async () => {
  await database.close();
  await postgres.close();
});

async function verified(after = 0): Promise<Findings> {
  const range = { after, upTo: await readHead(database) };
  const findings = await verifyLog(database, range, () => undefined, new AbortController().signal);
  await checkHead(database, findings);
  return findings;
}

async function positionOf(type: string): Promise<number> {
  const [row] = await database.query<{ position: number }>(
    'select min(position) as position from events where type = $1 and position > 11000',
    [`com.ourvidz.${type}`],
  );
  return row?.position ?? 0;
}

describe('a sound log', () => {
  test('has no finding, and every event was looked at', async () => {
    const findings = await verified();
    expect(findings.list).toEqual([]);
    for (const check of ['positions', 'eventIds', 'chains', 'order'])
      expect(findings.tallies).toContainEqual({ check, looked: EVENTS, wrong: 0 });
    for (const check of ['endings', 'ledger'])
      expect(findings.tallies).toContainEqual({ check, looked: expect.toSatisfy((n) => n > 1_000), wrong: 0 });
  });

  test('when begun in the middle › is followed from what stands before', async () => {
    expect((await verified(5_000)).list).toEqual([]);
  });
});

/** What a forger does, and how it is undone. */
interface Forgery {
  readonly check: Check;
  readonly of: string;
  readonly forge: (table: string) => string;
  readonly mend: (table: string) => string;
}

const FORGERIES: readonly (Forgery & { title: string })[] = [
  {
    title: 'what an event says was changed',
    check: 'chains',
    of: 'job.started',
    forge: (table) => `update ${table} set data = data || '{"worker": "x", "was": "y"}' where position = $1`,
    mend: (table) => `update ${table} set data = (select data from kept) where position = $1`,
  },
  {
    title: 'the hash of an event was changed',
    check: 'chains',
    of: 'job.requested',
    forge: (table) => `update ${table} set hash = sha256(hash) where position = $1`,
    mend: (table) => `update ${table} set hash = (select hash from kept) where position = $1`,
  },
  {
    title: 'an event was taken out',
    check: 'positions',
    of: 'job.completed',
    forge: (table) => `delete from ${table} where position = $1`,
    mend: (table) => `insert into ${table} select * from kept where position = $1`,
  },
  {
    title: 'a job ended twice',
    check: 'endings',
    of: 'job.completed',
    forge: (table) => `update ${table} set type = 'com.ourvidz.job.failed'
                        where subject_id = (select subject_id from kept where position = $1) and position < $1`,
    mend: (table) => `update ${table} set type = (select type from all_kept where position = ${table}.position)
                       where subject_id = (select subject_id from kept where position = $1)`,
  },
  {
    title: 'an event has the sequence of a later one',
    check: 'order',
    of: 'job.requested',
    forge: (table) => `update ${table} set stream_seq = stream_seq + 1000000 where position = $1`,
    mend: (table) => `update ${table} set stream_seq = stream_seq - 1000000 where position = $1`,
  },
  {
    title: 'an id belongs to another position',
    check: 'eventIds',
    of: 'job.requested',
    forge: () => 'update event_ids set position = 1 where position = $1',
    mend: () => 'update event_ids set position = $1 where event_id = (select event_id from kept)',
  },
  {
    title: 'a balance was changed',
    check: 'ledger',
    of: 'account.credits-charged',
    forge: (table) => `update ${table} set data = data || '{"balance": 1000000}' where position = $1`,
    mend: (table) => `update ${table} set data = (select data from kept) where position = $1`,
  },
];

describe('a log that somebody has been at', () => {
  beforeAll(() => database.query('create table all_kept as select * from events'));

  test.each(FORGERIES)('when $title › is found', async ({ check, of, forge, mend }) => {
    const position = await positionOf(of);
    await database.query(`create table kept as select * from events where position = ${position}`);
    await database.query(forge(part), [position]);
    const findings = await verified();
    await database.query(mend(part), [position]);
    await database.query('drop table kept');
    const found = findings.list.filter((finding) => finding.check === check);
    expect(found.some((finding) => (finding.position ?? 0) >= position)).toBe(true);
  });

  test('when the head is not at the last event › is found', async () => {
    await database.query('update log_head set position = position - 1');
    const findings = await verified();
    await database.query('update log_head set position = position + 1');
    expect(findings.list).toMatchObject([{ check: 'positions', message: expect.stringContaining('head') }]);
    // And everything was mended.
    expect((await verified()).list).toEqual([]);
  });
});

describe('the ledger', () => {
  const jobId = '01900000-0000-7000-8000-000000000001';
  const before: Account = { ...emptyAccount('a'), balance: 10, reservations: { [jobId]: 4 } };
  const event = (type: string, data: object) => ({ type, id: 'e', time: '', sequence: 2, data }) as AccountEvent;

  test.each([
    ['a charge of what was reserved', 'CreditsCharged', { amount: 4, balance: 10, reservations: {} }, undefined],
    ['a charge of more', 'CreditsCharged', { amount: 5, balance: 9, reservations: {} }, 'of 5 credits, where 4'],
    ['a balance that is too high', 'CreditsReleased', { amount: 4, balance: 15, reservations: {} }, 'where 14 remain'],
    [
      'a reservation that stays',
      'CreditsReleased',
      { amount: 4, balance: 14, reservations: { [jobId]: 4 } },
      'other open',
    ],
    [
      'a second reservation',
      'CreditsReserved',
      { amount: 1, balance: 9, reservations: { [jobId]: 5 } },
      'already_reserved',
    ],
  ])('when there is %s › %s is judged', (_, type, data, fault) => {
    const found = ledgerFault(before, event(type, { accountKey: 'a', jobId, ...data }));
    expect(found).toEqual(fault === undefined ? undefined : expect.stringContaining(fault));
  });
});
