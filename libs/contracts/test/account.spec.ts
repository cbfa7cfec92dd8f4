import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Account,
  type AccountDecision,
  type AccountEvent,
  chargeCredits,
  emptyAccount,
  evolveAccount,
  foldAccount,
  grantCredits,
  openAccount,
  openJobs,
  releaseCredits,
  reserveCredits,
} from '#contracts/domain/account.js';
import { time } from './a-history.js';

const KEY = 'a'.repeat(32);
type Decide = (account: Account) => AccountDecision;
const grant =
  (amount: number): Decide =>
  (account) =>
    grantCredits(account, { amount, reason: 'test', grantedBy: 'bob' });
const reserve =
  (jobId: string, amount: number): Decide =>
  (account) =>
    reserveCredits(account, jobId, amount);
const charge =
  (jobId: string, amount: number): Decide =>
  (account) =>
    chargeCredits(account, jobId, amount);
const release =
  (jobId: string): Decide =>
  (account) =>
    releaseCredits(account, jobId);

function ledgerOf(...deciders: Decide[]): { account: Account; events: AccountEvent[] } {
  const events: AccountEvent[] = [];
  let account = emptyAccount(KEY);
  for (const decide of deciders) {
    const decision = decide(account);
    if (decision.decided === 'refuse') continue;
    const sequence = events.length + 1;
    const event = { ...decision.event, id: `event-${sequence}`, time: time(sequence), sequence } as AccountEvent;
    events.push(event);
    account = evolveAccount(account, event);
  }
  return { account, events };
}

const state = (...deciders: Decide[]) => ledgerOf(...deciders).account;

describe('an account', () => {
  it('when empty › reserving is refused', () => {
    expect(reserve('j1', 1)(emptyAccount(KEY))).toEqual({ decided: 'refuse', reason: 'insufficient_credits' });
  });

  it('when it has 10 › reserving 3 leaves 7 to spend', () => {
    expect(state(grant(10), reserve('j1', 3))).toEqual({
      accountKey: KEY,
      balance: 7,
      reservations: { j1: 3 },
      sequence: 2,
    });
  });

  it('when reserved for a job › reserving for it again is refused', () => {
    const account = state(grant(10), reserve('j1', 3));
    expect(reserve('j1', 3)(account)).toEqual({ decided: 'refuse', reason: 'already_reserved' });
  });

  it('when reserved › charging takes it, and once', () => {
    const account = state(grant(10), reserve('j1', 3), charge('j1', 3));
    expect(account).toMatchObject({ balance: 7, reservations: {} });
    expect(charge('j1', 3)(account)).toEqual({ decided: 'refuse', reason: 'no_reservation' });
    expect(release('j1')(account)).toEqual({ decided: 'refuse', reason: 'no_reservation' });
  });

  it('when reserved › charging less gives the rest back, charging more takes no more', () => {
    expect(state(grant(10), reserve('j1', 3), charge('j1', 1))).toMatchObject({ balance: 9 });
    expect(state(grant(10), reserve('j1', 3), charge('j1', 9))).toMatchObject({ balance: 7 });
  });

  it('when reserved › releasing gives it back', () => {
    expect(state(grant(10), reserve('j1', 3), release('j1'))).toMatchObject({ balance: 10, reservations: {} });
  });

  it('when new › opening grants what a new user gets, and only then', () => {
    const account = state((empty) => openAccount(empty, 100, 'alice'));
    expect(account).toMatchObject({ balance: 100, reservations: {} });
    expect(openAccount(account, 100, 'alice')).toEqual({ decided: 'refuse', reason: 'already_open' });
  });

  it('when as many jobs are open as may be › reserving is refused, also without credits, but not for one of them', () => {
    const account = state(grant(2), reserve('j1', 1), reserve('j2', 1));
    expect(openJobs(account)).toBe(2);
    expect(reserveCredits(account, 'j3', 1, 2)).toEqual({ decided: 'refuse', reason: 'too_many_reservations' });
    expect(reserveCredits(account, 'j3', 1, 3)).toEqual({ decided: 'refuse', reason: 'insufficient_credits' });
    expect(reserveCredits(account, 'j2', 1, 2)).toEqual({ decided: 'refuse', reason: 'already_reserved' });
  });

  it('when granted with a key › every later event tells where that grant is', () => {
    const keyed: Decide = (account) =>
      grantCredits(account, { amount: 5, reason: 'test', grantedBy: 'bob', idempotencyKey: 'k1' });
    expect(state(grant(1)).lastKeyedGrant).toBeUndefined();
    expect(state(grant(1), keyed, grant(1), reserve('j1', 1), release('j1')).lastKeyedGrant).toBe(2);
    const { events } = ledgerOf(grant(1), keyed, keyed);
    expect(events.map(({ data }) => data.lastKeyedGrant)).toEqual([undefined, undefined, 2]);
  });

  it('when it has 2 › taking 3 away is refused', () => {
    expect(grant(-3)(state(grant(2)))).toEqual({ decided: 'refuse', reason: 'balance_below_zero' });
    expect(state(grant(2), grant(-2))).toMatchObject({ balance: 0 });
  });
});

const jobs = fc.constantFrom('j1', 'j2', 'j3');
const credits = fc.integer({ min: 0, max: 20 });
const step = fc.oneof(
  fc.integer({ min: -20, max: 40 }).map(grant),
  fc.tuple(jobs, credits).map(([job, amount]) => reserve(job, amount)),
  fc.tuple(jobs, credits).map(([job, amount]) => charge(job, amount)),
  jobs.map(release),
);
const ledgers = fc.array(step, { maxLength: 40 }).map((steps) => ledgerOf(...steps));

describe('whatever happens', () => {
  it('credits equal the sum of the ledger, and none is below zero', () => {
    fc.assert(
      fc.property(ledgers, ({ account, events }) => {
        const granted = sum(events.map((event) => (event.type === 'CreditsGranted' ? event.data.amount : 0)));
        const charged = sum(events.map((event) => (event.type === 'CreditsCharged' ? event.data.amount : 0)));
        expect(account.balance + sum(Object.values(account.reservations))).toBe(granted - charged);
        for (const { data } of events) expect(data.balance).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('the last event is the account', () => {
    fc.assert(
      fc.property(ledgers, ({ account, events }) => {
        expect(foldAccount(KEY, events)).toEqual(account);
        expect(foldAccount(KEY, events.slice(-1))).toEqual(account);
      }),
    );
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
