import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { chargeCredits, foldAccount, releaseCredits } from '#contracts/domain/account.js';
import type { CreditsGranted, CreditsReserved } from '#contracts/events/account-events.js';
import type { AccountEventData } from '#contracts/events/registry.js';
import type { JobTypesAnswer, JobView } from '#contracts/http/answers.js';
import type { CreditsAnswer } from '#contracts/http/credits.js';
import type { ErrorBody } from '#contracts/http/error-codes.js';
import { accountKeyOf } from '#contracts/ids.js';
import { ACCOUNT_STREAM, JOB_STREAM } from '#contracts/streams.js';
import { accountSubject, JOB_SUBJECTS } from '#contracts/subjects.js';
import { LogReader, type RawEvent } from '#eventing/log-reader.js';
import { SubjectStore } from '#eventing/subject-store.js';
import { aProxy } from '../../../libs/eventing/test/a-proxy.js';
import { authorization, get, type Kit, post, queued, read, startKit, WISH } from './gateway-kit.js';

const OPERATOR = { role: 'admin' };
const GRANTS = '/api/admin/credits';

let kit: Kit;
let urls: [string, string];
let users = 0;

beforeAll(async () => {
  kit = await startKit({ INITIAL_CREDITS: '50', JOB_CREDITS: 'sdxl_image_high=7' });
  urls = [kit.url, (await kit.startAnother()).url];
});
afterAll(() => kit.close());

describe('a user who was never here', () => {
  it('is shown what a new one gets, and nothing is stored for it', async () => {
    const user = aUser();
    expect(await creditsOf(user)).toEqual({ balance: 50, reserved: 0 });
    expect(await ledgerOf(user)).toEqual([]);
  });

  it('seen by two gateways at once › gets it once', async () => {
    const user = aUser();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => post(url(n), WISH, user)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const ledger = await ledgerOf(user);
    expect(ledger.map(typeOf)).toEqual(['granted', ...answers.map(() => 'reserved')]);
    expect(ledger[0]?.data).toMatchObject({
      amount: 50,
      reason: 'initial',
      userId: user,
    } satisfies Partial<CreditsGranted>);
    expect(await creditsOf(user)).toEqual({ balance: 30, reserved: 20 });
  });

  it('that an operator grants credits to › has both', async () => {
    const user = aUser();
    expect(await read(grant({ user_id: user, amount: 5, reason: 'welcome' }))).toEqual({ balance: 55, reserved: 0 });
    expect((await ledgerOf(user)).map(typeOf)).toEqual(['granted', 'granted']);
  });
});

describe('a job', () => {
  it('reserves its price before it is stored', async () => {
    const user = aUser();
    const job = await queued(kit.url, { ...WISH, jobType: 'sdxl_image_high' }, user);
    expect(job.metadata.credits).toBe(7);
    expect(await creditsOf(user)).toEqual({ balance: 43, reserved: 7 });
    expect((await ledgerOf(user)).at(-1)?.data).toMatchObject({
      jobId: job.id,
      amount: 7,
    } satisfies Partial<CreditsReserved>);
  });

  it('is one publish to the account and one to the jobs, once the account is known', async () => {
    const user = aUser();
    await queued(kit.url, WISH, user);
    const publishes = await publishesOf(user);
    await queued(kit.url, WISH, user);
    expect(await publishes()).toEqual({ account: 1, job: 1 });
  });

  it('is one publish each also after others have settled a job of the account', async () => {
    const user = aUser();
    let { id } = await queued(kit.url, WISH, user);
    // The gateway is told of it a moment later.
    await vi.waitFor(async () => {
      await settle(user, id);
      const publishes = await publishesOf(user);
      ({ id } = await queued(kit.url, WISH, user));
      expect(await publishes()).toEqual({ account: 1, job: 1 });
    });
  });

  it('that costs more than there is › is refused, with what can be had', async () => {
    const user = aUser();
    await grant({ user_id: user, amount: -47, reason: 'test' });
    const refused = await post(kit.url, { ...WISH, jobType: 'sdxl_image_high' }, user);
    expect(refused.status).toBe(402);
    const details = 'sdxl_image_high costs 7, you have 3: 4 missing; sdxl_image_fast costs 1';
    expect(await read<ErrorBody>(refused)).toMatchObject({ code: 'insufficient_credits', retryable: false, details });
    await grant({ user_id: user, amount: -3, reason: 'test' });
    const { details: broke } = await read<ErrorBody>(post(kit.url, WISH, user));
    expect(broke).toBe('sdxl_image_fast costs 1, you have 0: 1 missing');
    expect(await creditsOf(user)).toEqual({ balance: 0, reserved: 0 });
  });

  it('of 200 at once through two gateways on 50 credits › is one of exactly 50', async () => {
    const user = aUser();
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => post(url(n), WISH, user)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(answers.filter(({ status }) => status === 402)).toHaveLength(150);
    expect(await creditsOf(user)).toEqual({ balance: 0, reserved: 50 });
    const jobs = await Promise.all(answers.filter(({ ok }) => ok).map((answer) => read<{ job: JobView }>(answer)));
    const reserved = (await ledgerOf(user)).slice(1).map(({ data }) => (data as CreditsReserved).jobId);
    expect(new Set(jobs.map(({ job }) => job.id))).toEqual(new Set(reserved));
  });

  it('goes ahead as the first open one of its user, and behind others as a further one', async () => {
    const user = aUser();
    const [first, second] = [await queued(kit.url, WISH, user), await queued(urls[1], WISH, user)];
    expect(await laneOf(first.id)).toBe('interactive');
    expect(await laneOf(second.id)).toBe('bulk');
    await settle(user, first.id);
    expect(await laneOf((await queued(kit.url, WISH, user)).id)).toBe('bulk');
    for (const jobId of await openJobsOf(user)) await settle(user, jobId);
    expect(await laneOf((await queued(kit.url, WISH, user)).id)).toBe('interactive');
  });
});

describe('a request with an idempotency key', () => {
  it('sent again › reserves nothing again, also without credits', async () => {
    const user = aUser();
    await grant({ user_id: user, amount: -49, reason: 'test' });
    const [first, second] = [await keyed(user, 'again'), await keyed(user, 'again', urls[1])];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(await creditsOf(user)).toEqual({ balance: 0, reserved: 1 });
  });

  it('sent thirty times at once through two gateways › reserves once, and keeps it', async () => {
    const user = aUser();
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => keyed(user, 'race', url(n))));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect((await ledgerOf(user)).map(typeOf)).toEqual(['granted', 'reserved']);
    expect(await creditsOf(user)).toEqual({ balance: 49, reserved: 1 });
  });

  it('for two jobs of different prices at once › makes one of them, at its own price', async () => {
    for (let round = 0; round < 8; round++) {
      const user = aUser();
      const types = ['sdxl_image_fast', 'sdxl_image_high'];
      const bodies = types.map((jobType) => ({ ...WISH, jobType }));
      const answers = await Promise.all(bodies.map((body, n) => keyed(user, 'two', url(n), body)));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 422]);
      const made = answers.findIndex(({ ok }) => ok);
      expect((await creditsOf(user)).reserved).toBe(made === 0 ? 1 : 7);
    }
  });
});

describe('more open jobs than one user may have', () => {
  let small: Kit;
  beforeAll(async () => {
    small = await startKit({ INITIAL_CREDITS: '5', MAX_QUEUED_PER_USER: '4', MAX_QUEUE_DEPTH: '6' });
  });
  afterAll(() => small.close());

  it('are refused, however many ask at once, before a full queue and missing credits are told', async () => {
    const other = (await small.startAnother()).url;
    const ask = (n: number) => post(n % 2 ? small.url : other, WISH, 'alice');
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(n)));
    await vi.waitFor(async () => expect(answers.push(await ask(0)) && answers.filter(({ ok }) => ok)).toHaveLength(4));
    const refused = await ask(1);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await read<ErrorBody>(refused)).toMatchObject({ code: 'own_queue_limit', retryable: true });
    await vi.waitFor(async () => expect((await post(small.url, WISH, aUser())).status).toBe(503));
    expect((await ask(0)).status).toBe(429);
    expect(await read(get(small.url, '/api/credits'))).toEqual({ balance: 1, reserved: 4 });
  });
});

describe('when the job cannot be stored', () => {
  it('for certain › its credits are released at once', async () => {
    const own = await startKit({ INITIAL_CREDITS: '50' });
    await queued(own.url);
    await refuseJobs(own);
    expect((await post(own.url, WISH)).status).toBe(503);
    expect(await read(get(own.url, '/api/credits'))).toEqual({ balance: 49, reserved: 1 });
    const ledger = await ledgerOf('alice', own);
    expect(ledger.map(typeOf)).toEqual(['granted', 'reserved', 'reserved', 'released']);
    await own.close();
  });

  it('because the client was told so before the reservation was known › its credits are released', async () => {
    const user = aUser();
    const proxy = await aProxy(kit.nats.server.port);
    const cutOff = await kit.startAnother({ NATS_URL: proxy.url });
    await queued(cutOff.url, WISH, user);
    proxy.deafenAfter(accountSubject(accountKeyOf(user)));
    const posted = post(cutOff.url, WISH, user);
    await vi.waitFor(async () => expect(await ledgerOf(user)).toHaveLength(3));
    proxy.shut();
    expect((await posted).status).toBe(503);
    proxy.cut();
    const expected = ['granted', 'reserved', 'reserved', 'released'];
    await vi.waitFor(async () => expect((await ledgerOf(user)).map(typeOf)).toEqual(expected), 10_000);
    expect(await creditsOf(user)).toEqual({ balance: 49, reserved: 1 });
    proxy.close();
  });

  it('because NATS is away › nothing is reserved for those that had not begun', async () => {
    const own = await startKit({ INITIAL_CREDITS: '50' });
    await queued(own.url);
    await own.nats.server.kill();
    const posts = Array.from({ length: 10 }, () => post(own.url, WISH));
    const answers = await Promise.all([...posts, get(own.url, '/api/credits')]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
    await own.nats.server.restart();
    await vi.waitFor(async () => expect((await get(own.url, '/api/credits')).status).toBe(200), { timeout: 15_000 });
    await queued(own.url);
    expect(await read(get(own.url, '/api/credits'))).toEqual({ balance: 48, reserved: 2 });
    await own.close();
  });
});

describe('POST /api/admin/credits', () => {
  it('gives and takes, and never below 0', async () => {
    const user = aUser();
    expect(await read(grant({ user_id: user, amount: 10, reason: 'gift' }))).toEqual({ balance: 60, reserved: 0 });
    expect(await read(grant({ user_id: user, amount: -60, reason: 'mistake' }))).toEqual({ balance: 0, reserved: 0 });
    const refused = await grant({ user_id: user, amount: -1, reason: 'more' });
    expect(refused.status).toBe(409);
    expect(await read<ErrorBody>(refused)).toMatchObject({ code: 'balance_below_zero', details: 'the balance is 0' });
    expect((await ledgerOf(user)).at(-1)?.data).toMatchObject({ grantedBy: 'operator', reason: 'mistake' });
  });

  it.each(['user', undefined])('is refused to the role %s', async (role) => {
    const user = aUser();
    const refused = await grant({ user_id: user, amount: 10, reason: 'gift' }, { claims: role ? { role } : {} });
    expect(refused.status).toBe(403);
    expect(await read<ErrorBody>(refused)).toMatchObject({ code: 'forbidden' });
    expect(await ledgerOf(user)).toEqual([]);
  });

  it('is open to service_role', async () => {
    const granted = await grant({ user_id: aUser(), amount: 1, reason: 'gift' }, { claims: { role: 'service_role' } });
    expect(granted.status).toBe(200);
  });

  it.each([
    ['no user', { amount: 1, reason: 'x' }, 'user_id'],
    ['an empty user', { user_id: '', amount: 1, reason: 'x' }, 'user_id'],
    ['too long a user', { user_id: 'x'.repeat(256), amount: 1, reason: 'x' }, 'user_id'],
    ['a user with a NUL', { user_id: 'a\0', amount: 1, reason: 'x' }, 'user_id'],
    ['half an amount', { user_id: 'x', amount: 1.5, reason: 'x' }, 'amount'],
    ['an amount in words', { user_id: 'x', amount: '1', reason: 'x' }, 'amount'],
    ['too large an amount', { user_id: 'x', amount: 1e12, reason: 'x' }, 'amount'],
    ['no reason', { user_id: 'x', amount: 1 }, 'reason'],
    ['an empty reason', { user_id: 'x', amount: 1, reason: ' ' }, 'reason'],
    ['half a character', { user_id: 'x', amount: 1, reason: '\ud800' }, 'reason'],
    ['a deep reason', { user_id: 'x', amount: 1, reason: [[['x']]] }, 'reason'],
    ['a list', [], 'the body'],
  ])('refuses %s', async (_, body, field) => {
    const refused = await grant(body);
    expect(refused.status).toBe(400);
    expect((await read<ErrorBody>(refused)).details).toContain(field);
  });

  it('refuses what is nested too deeply to be looked at', async () => {
    const refused = await grant(`{"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`);
    expect(await read<ErrorBody>(refused)).toMatchObject({ code: 'invalid_json' });
  });

  it('with a key › grants once at whatever gateway, however much happened since, with the same answer', async () => {
    const user = aUser();
    const body = { user_id: user, amount: 10, reason: 'order 17' };
    const answers = await Promise.all(Array.from({ length: 16 }, (_, n) => grant(body, { key: '17', at: url(n) })));
    const bodies = await Promise.all(answers.map((answer) => read<CreditsAnswer>(answer)));
    expect(bodies).toEqual(bodies.map(() => ({ balance: 60, reserved: 0 })));
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    await queued(kit.url, WISH, user);
    await grant({ user_id: user, amount: 1, reason: 'no key' });
    await grant({ user_id: user, amount: 5, reason: 'order 18' }, { key: '18' });
    expect(await read(grant(body, { key: '17' }))).toEqual({ balance: 60, reserved: 0 });
    expect(await creditsOf(user)).toEqual({ balance: 65, reserved: 1 });
    const reused = await grant({ ...body, amount: 11 }, { key: '17' });
    expect(reused.status).toBe(422);
    expect(await read<ErrorBody>(reused)).toMatchObject({ code: 'idempotency_key_reuse' });
  });
});

describe('prices', () => {
  it('stand in the catalogue that clients see', async () => {
    const { jobTypes } = await read<JobTypesAnswer>(fetch(`${kit.url}/api/job-types`));
    const prices = Object.fromEntries(jobTypes.map(({ jobType, credits }) => [jobType, credits]));
    expect(prices).toMatchObject({ sdxl_image_high: 7, sdxl_image_fast: 1 });
  });
});

describe('whatever is asked, in any order and at any gateway', () => {
  it('credits are the sum of the ledger, and none is below zero', async () => {
    const step = fc.record({
      what: fc.constantFrom('job', 'dear job', 'grant', 'keyed grant', 'end'),
      amount: fc.integer({ min: -30, max: 20 }),
      gateway: fc.nat({ max: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const user = aUser();
        await Promise.all(steps.map((each) => doStep(user, each)));
        const ledger = await ledgerOf(user);
        const { balance, reserved } = await creditsOf(user);
        expect(balance + reserved).toBe(ledger.length === 0 ? 50 : sum(ledger, 'granted') - sum(ledger, 'charged'));
        for (const { data } of ledger) expect((data as CreditsAnswer).balance).toBeGreaterThanOrEqual(0);
        expect(ledger.filter(({ data }) => (data as CreditsGranted).reason === 'initial').length).toBeLessThan(2);
      }),
      { numRuns: 12 },
    );
  });
});

async function doStep(user: string, { what, amount, gateway }: { what: string; amount: number; gateway: number }) {
  const at = url(gateway);
  if (what === 'job') await post(at, WISH, user);
  else if (what === 'dear job') await post(at, { ...WISH, jobType: 'sdxl_image_high' }, user);
  else if (what === 'grant') await grant({ user_id: user, amount, reason: 'test' }, { at });
  else if (what === 'keyed grant') await grant({ user_id: user, amount: 3, reason: 'test' }, { at, key: 'k' });
  else for (const jobId of (await openJobsOf(user)).slice(0, 2)) await settle(user, jobId, Math.max(0, amount));
}

function aUser(): string {
  users += 1;
  return `user ${users}`;
}

function url(n: number): string {
  return urls[n % 2] ?? kit.url;
}

async function creditsOf(user: string): Promise<CreditsAnswer> {
  return read(get(kit.url, '/api/credits', user));
}

async function grant(
  body: unknown,
  { claims = OPERATOR, key, at = kit.url }: { claims?: Record<string, unknown>; key?: string; at?: string } = {},
): Promise<Response> {
  const headers = { ...(await authorization('operator', claims)), ...(key ? { 'idempotency-key': key } : {}) };
  return fetch(`${at}${GRANTS}`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function keyed(user: string, key: string, at = kit.url, body: unknown = WISH): Promise<Response> {
  const headers = { ...(await authorization(user)), 'content-type': 'application/json', 'idempotency-key': key };
  return fetch(`${at}/api/queue-job`, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** All events of a user's account, in order. */
async function ledgerOf(user: string, { bus } = kit): Promise<RawEvent[]> {
  const messages = await new LogReader(bus, ACCOUNT_STREAM.name).read(1, 100_000);
  return messages.filter(({ subject }) => subject === accountSubject(accountKeyOf(user)));
}

function typeOf({ cloudEventType }: RawEvent): string {
  return /credits-(\w+)\.v1$/.exec(cloudEventType)?.[1] ?? cloudEventType;
}

function sum(ledger: readonly RawEvent[], type: string): number {
  const amounts = ledger.filter((event) => typeOf(event) === type).map(({ data }) => (data as CreditsGranted).amount);
  return amounts.reduce((total, amount) => total + amount, 0);
}

async function laneOf(jobId: string): Promise<string | undefined> {
  return (await kit.jobs.load(jobId))?.requested.lane;
}

async function openJobsOf(user: string): Promise<string[]> {
  const { event } = await accounts().read(accountSubject(accountKeyOf(user)));
  return Object.keys(event?.data.reservations ?? {});
}

/** As the jobs service does it when the job has ended. */
async function settle(user: string, jobId: string, charged = 0): Promise<void> {
  const key = accountKeyOf(user);
  await accounts().execute({ subject: accountSubject(key), subjectId: key }, (last) => {
    const account = foldAccount(key, last ? [last] : []);
    return charged > 0 ? chargeCredits(account, jobId, charged) : releaseCredits(account, jobId);
  });
}

function accounts() {
  return new SubjectStore<keyof AccountEventData>(kit.bus, ACCOUNT_STREAM);
}

/** Counts what is published for a user, stored or refused; returns what tells the number. */
async function publishesOf(user: string): Promise<() => Promise<{ account: number; job: number }>> {
  const counts = { account: 0, job: 0 };
  const stops = [
    kit.bus.listen(accountSubject(accountKeyOf(user)), () => void counts.account++),
    kit.bus.listen(JOB_SUBJECTS, () => void counts.job++),
  ];
  await kit.bus.flushed();
  return async () => {
    await kit.bus.flushed();
    for (const stop of stops) stop();
    return counts;
  };
}

/** The stream takes no further messages, and says so. */
async function refuseJobs({ bus }: Kit): Promise<void> {
  await bus.jsm.streams.update(JOB_STREAM.name, { max_msgs: 1 });
}
