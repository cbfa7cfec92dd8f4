import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failJob } from '#contracts/domain/job-decisions.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import type { EventType } from '#contracts/events/registry.js';
import type { LoggedEvent } from '../src/event-log/logged-event.js';
import { JobsMetrics } from '../src/metrics.js';
import { accountsProjection } from '../src/projections/accounts.projection.js';
import { jobsProjection } from '../src/projections/jobs.projection.js';
import { type Projection, tableNames } from '../src/projections/projection.js';
import { AccountSettler } from '../src/settlement/account-settler.js';
import { JobSettlement } from '../src/settlement/job-settlement.js';
import { RESERVATION_GRACE_MS, ReservationSweep } from '../src/settlement/reservation-sweep.js';
import {
  type Fixture,
  type Leader,
  openFixture,
  runProjections,
  silent,
  startLeader,
  writeLog,
} from './jobs-fixture.js';
import { SomeAccounts } from './some-accounts.js';
import { aRequest, cancel, start, work } from './some-jobs.js';

const running = new AbortController();
let fixture: Fixture;
let accounts: SomeAccounts;
let user: string;
let users = 0;

beforeAll(async () => {
  fixture = await openFixture();
  accounts = new SomeAccounts(fixture.bus);
});
beforeEach(async () => {
  user = `user-${users++}`;
  await accounts.grant(user, 100);
});
afterAll(async () => {
  running.abort();
  await fixture.close();
});

async function request(over: Partial<JobRequested> = {}): Promise<JobRequested> {
  const reserved = await accounts.reservedRequest(user, over);
  await fixture.store.request(reserved);
  return reserved;
}

async function typesAfterReserving(): Promise<string[]> {
  const events = await accounts.ledger(user);
  return events.map(({ type }) => type).filter((type) => type !== 'CreditsGranted' && type !== 'CreditsReserved');
}

describe('while a leader works', () => {
  let leader: Leader;
  beforeAll(async () => {
    leader = startLeader(fixture);
    await leader.leading;
  });
  afterAll(() => leader.stop());

  test('when completed › what was reserved is charged, without waiting for a poll', async () => {
    await work(fixture.store, await request(), 6);
    const endedAt = Date.now();
    expect(await accounts.untilSettled(user)).toMatchObject({ balance: 94, reservations: {} });
    expect(Date.now() - endedAt).toBeLessThan(2_000);
    expect(await typesAfterReserving()).toEqual(['CreditsCharged']);
    expect((await leader.metrics.settlementLag.get()).values.at(-1)?.value).toBeGreaterThan(0);
  });

  test('when two of six outputs are missing › their share is given back', async () => {
    const missing = [4, 5].map((index) => ({ index, reason: 'black' }));
    await work(fixture.store, await request(), 4, missing);
    expect(await accounts.untilSettled(user)).toMatchObject({ balance: 96 });
    expect(await typesAfterReserving()).toEqual(['CreditsCharged']);
  });

  test('when failed › all is given back', async () => {
    const { jobId } = await request();
    await fixture.store.execute(jobId, (job) => failJob(job, { code: 'x', message: 'x', retryable: false }));
    expect(await accounts.untilSettled(user)).toMatchObject({ balance: 100 });
    expect(await typesAfterReserving()).toEqual(['CreditsReleased']);
  });

  test('when cancelled › all is given back', async () => {
    const { jobId } = await request();
    await cancel(fixture.store, jobId);
    expect(await accounts.untilSettled(user)).toMatchObject({ balance: 100 });
    expect(await typesAfterReserving()).toEqual(['CreditsReleased']);
  });

  test('when gateways reserve on the same account meanwhile › every job is settled once and no credit is lost', async () => {
    const flows = Array.from({ length: 5 }, async () => {
      for (let turn = 0; turn < 6; turn++) await cancel(fixture.store, (await request({ credits: 2 })).jobId);
      await work(fixture.store, await request({ credits: 3 }), 1);
    });
    await Promise.all(flows);
    expect(await accounts.untilSettled(user)).toMatchObject({ balance: 100 - 5 * 3 });
    const types = await typesAfterReserving();
    expect(types.filter((type) => type === 'CreditsReleased')).toHaveLength(30);
    expect(types.filter((type) => type === 'CreditsCharged')).toHaveLength(5);
  });
});

describe('when leaders come and go', () => {
  test('in the middle of it, and a new one begins again from the start › each job is settled once', async () => {
    const others = ['one', 'two', 'three'].map((name) => `${user}-${name}`);
    for (const other of others) await accounts.grant(other, 100);
    const first = startLeader(fixture);
    await first.leading;
    const jobs = others.flatMap((other) =>
      Array.from({ length: 8 }, () => accounts.reservedRequest(other, { credits: 3 }).then(requestAndCancel)),
    );
    await Promise.race(jobs);
    await first.stop();
    await Promise.all(jobs);
    await fixture.database.query('update settlement_checkpoint set position = 0');
    const [second, third] = [startLeader(fixture), startLeader(fixture)];
    await Promise.race([second.leading, third.leading]);
    for (const other of others) {
      expect(await accounts.untilSettled(other)).toMatchObject({ balance: 100 });
      const released = (await accounts.ledger(other)).filter(({ type }) => type === 'CreditsReleased');
      expect(released).toHaveLength(8);
    }
    await Promise.all([second.stop(), third.stop()]);
  });

  test('two that take each other for dead settle the same batch › once', async () => {
    await requestAndCancel(await accounts.reservedRequest(user));
    await writeLog(fixture);
    await fixture.database.query('update settlement_checkpoint set position = 0');
    await Promise.all([settleAll(), settleAll(), settleAll()]);
    await fixture.database.query('update settlement_checkpoint set position = 0');
    await settleAll();
    expect(await typesAfterReserving()).toEqual(['CreditsReleased']);
  });

  test('one that was aborted in the middle of a batch leaves its checkpoint where it was', async () => {
    await requestAndCancel(await accounts.reservedRequest(user));
    await writeLog(fixture);
    const before = await fixture.database.query('select position from settlement_checkpoint');
    await expect(settlement().advance(AbortSignal.abort(new Error('not leading any more')))).rejects.toThrow('leading');
    expect(await fixture.database.query('select position from settlement_checkpoint')).toEqual(before);
    await settleAll();
    expect(await typesAfterReserving()).toEqual(['CreditsReleased']);
  });
});

async function requestAndCancel(job: JobRequested): Promise<void> {
  await fixture.store.request(job);
  await cancel(fixture.store, job.jobId);
}

function settlement(): JobSettlement {
  const { bus, database } = fixture;
  return new JobSettlement({ database, settler: new AccountSettler(bus), metrics: new JobsMetrics(), log: silent });
}

async function settleAll(): Promise<void> {
  const settling = settlement();
  while (await settling.advance(running.signal));
}

/** What the sweep ends at a time, in milliseconds since 1970. */
function sweepAt(now: number): Promise<string[]> {
  return sweepOf(now).sweep(running.signal);
}

function sweepOf(now: number, most?: number): ReservationSweep {
  const { bus, store, database } = fixture;
  const around = { sql: database, store, settler: new AccountSettler(bus), metrics: new JobsMetrics(), log: silent };
  return new ReservationSweep({ ...around, clock: () => now }, most);
}

/** … when everything that is there has been there for longer than it takes to store a job. */
function sweepLate(): Promise<string[]> {
  return sweepAt(Date.now() + RESERVATION_GRACE_MS + A_SECOND);
}

async function project(): Promise<void> {
  await writeLog(fixture);
  await runProjections(fixture.database);
}

const A_SECOND = 1_000;

describe('when a reservation stays open', () => {
  test('because its job never appeared › it is given back after 30 seconds, and not before', async () => {
    const before = Date.now();
    const { jobId } = await accounts.reservedRequest(user);
    await project();
    expect(await sweepAt(before + RESERVATION_GRACE_MS)).toEqual([]);
    expect(await sweepAt(Date.now() + RESERVATION_GRACE_MS + A_SECOND)).toEqual([jobId]);
    expect(await accounts.of(user)).toMatchObject({ balance: 100, reservations: {} });
  });

  test('and its job appears late › it ends without a charge', async () => {
    const late = await accounts.reservedRequest(user);
    await project();
    await sweepLate();
    await fixture.store.request(late);
    await work(fixture.store, late, 6);
    await project();
    await settleAll();
    expect(await accounts.of(user)).toMatchObject({ balance: 100, reservations: {} });
    expect(await typesAfterReserving()).toEqual(['CreditsReleased']);
  });

  test('because its job waits or runs › it is left alone', async () => {
    await request();
    await start(fixture.store, (await request()).jobId);
    await project();
    expect(await sweepLate()).toEqual([]);
    expect(await accounts.of(user)).toMatchObject({ balance: 88 });
  });

  test('while the projection does not know its job yet › the stream decides', async () => {
    const reserved = await accounts.reservedRequest(user);
    await project();
    await fixture.store.request(reserved);
    expect(await sweepLate()).toEqual([]);
  });

  test('although its job ended › it is settled as the end says', async () => {
    const [made, cancelled] = [await request(), await request()];
    await work(fixture.store, made, 6);
    await cancel(fixture.store, cancelled.jobId);
    await project();
    await fixture.database.query('update settlement_checkpoint set position = (select position from log_head)');
    expect((await sweepLate()).sort()).toEqual([made.jobId, cancelled.jobId].sort());
    expect(await accounts.of(user)).toMatchObject({ balance: 94, reservations: {} });
  });

  test('because a request that came twice reserved again after the charge › it is given back', async () => {
    const twice = await request();
    await work(fixture.store, twice, 6);
    await writeLog(fixture);
    await settleAll();
    await accounts.reserve(user, twice.jobId, 6);
    await project();
    expect(await sweepLate()).toEqual([twice.jobId]);
    expect(await typesAfterReserving()).toEqual(['CreditsCharged', 'CreditsReleased']);
    expect(await accounts.of(user)).toMatchObject({ balance: 94, reservations: {} });
  });

  test("in the projection only, as after the loss of the stream › it is in nobody's way", async () => {
    const [gone, orphan] = [aRequest(), await accounts.reservedRequest(user)];
    await project();
    const reservations = { [gone.jobId]: 1 };
    const data = { accountKey: 'gone', jobId: gone.jobId, amount: 1, balance: 0, reservations };
    await projectOnly(accountsProjection, longAgo('CreditsReserved', data));
    const sweep = sweepOf(Date.now() + RESERVATION_GRACE_MS + A_SECOND, 1);
    expect(await sweep.sweep(running.signal)).toEqual([]);
    expect(await sweep.sweep(running.signal)).toEqual([orphan.jobId]);
    await fixture.database.query("delete from accounts where account_key = 'gone'");
  });

  test('of a job that is older than the stream › it is settled as the projection has it', async () => {
    const [old, waiting] = [await accounts.reservedRequest(user), await accounts.reservedRequest(user)];
    await project();
    const completed = { attempt: 1, assets: [], missing: [{ index: 5, reason: 'black' }] };
    await projectOnly(
      jobsProjection,
      longAgo('JobRequested', old),
      longAgo('JobCompleted', { ...completed, jobId: old.jobId }),
    );
    await projectOnly(jobsProjection, longAgo('JobRequested', waiting));
    expect((await sweepLate()).sort()).toEqual([old.jobId, waiting.jobId].sort());
    expect(await accounts.of(user)).toMatchObject({ balance: 95, reservations: {} });
  });
});

/** An event that the log has and the stream has no more. */
function longAgo(type: EventType, data: { jobId: string }): LoggedEvent {
  const time = new Date(Date.now() - 40 * 24 * 3_600_000).toISOString();
  const position = type === 'JobRequested' ? 1_000_001 : 1_000_002;
  return {
    type,
    data,
    id: data.jobId,
    time,
    recordedAt: time,
    sequence: 1,
    position,
    subjectId: data.jobId,
  } as LoggedEvent;
}

function projectOnly(projection: Projection, ...events: readonly LoggedEvent[]): Promise<void> {
  const named = tableNames(projection.version);
  return fixture.database.transaction((tx) => projection.apply(tx, named, events));
}
