import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Account, emptyAccount } from '#contracts/domain/account.js';
import { type EndedJob, isEnded } from '#contracts/domain/job.js';
import { cancelJob, completeJob, failJob, requestJob, startJob, storeAsset } from '#contracts/domain/job-decisions.js';
import { chargeFor, settleJob } from '#contracts/domain/settlement.js';
import { assetPath } from '#contracts/ids.js';
import { asset, ENGINE, FAILURE, historyOf, JOB_ID, REQUEST, TIMINGS } from './a-history.js';

const WORKER = { worker: 'w1', engine: ENGINE };
type Decide = Parameters<typeof historyOf>[number];

/** Requested, started, one picture stored, and then what `end` decides. */
function endedBy(end: Decide): EndedJob {
  const { job } = historyOf(
    (none) => requestJob(none, REQUEST),
    (queued) => startJob(queued, WORKER),
    (running) => storeAsset(running, 1, asset(0)),
    end,
  );
  if (!job || !isEnded(job)) throw new Error('the job has not ended');
  return job;
}

function completedWithout(count: number): EndedJob {
  const missing = Array.from({ length: count }, (_, k) => ({ index: 6 - count + k, reason: 'black' }));
  const completion = { attempt: 1, timings: TIMINGS, engine: ENGINE, missing, urlOf: assetPath };
  return endedBy((job) => completeJob(job, completion));
}

/** Ten to spend, six reserved for the job. */
const account: Account = {
  ...emptyAccount(REQUEST.accountKey),
  balance: 10,
  reservations: { [JOB_ID]: 6 },
  sequence: 2,
};
const data = (job: EndedJob, of = account) => {
  const decision = settleJob(of, job);
  return decision.decided === 'append' ? { type: decision.event.type, ...decision.event.data } : decision;
};

describe('when six credits are reserved for six pictures', () => {
  it('and all are made › six are charged', () => {
    expect(data(completedWithout(0))).toMatchObject({
      type: 'CreditsCharged',
      amount: 6,
      balance: 10,
      reservations: {},
    });
  });
  it('and two are missing › four are charged and two given back', () => {
    expect(data(completedWithout(2))).toMatchObject({
      type: 'CreditsCharged',
      amount: 4,
      balance: 12,
      reservations: {},
    });
  });
  it.each([
    ['failed', endedBy((job) => failJob(job, FAILURE))],
    ['was cancelled', endedBy((job) => cancelJob(job, 'alice'))],
  ])('and the job %s with one picture stored › all are given back', (_how, job) => {
    expect(data(job)).toMatchObject({ type: 'CreditsReleased', amount: 6, balance: 16, reservations: {} });
  });
  it('and the job is settled already › nothing more happens', () => {
    const settled = { ...account, reservations: {} };
    expect(data(completedWithout(0), settled)).toEqual({ decided: 'refuse', reason: 'no_reservation' });
    expect(
      data(
        endedBy((job) => cancelJob(job, 'alice')),
        settled,
      ),
    ).toEqual({
      decided: 'refuse',
      reason: 'no_reservation',
    });
  });
});

describe('whatever was reserved and made', () => {
  const credits = fc.integer({ min: 0, max: 1_000 });
  const outputs = fc.integer({ min: 1, max: 6 }).chain((wanted) => fc.tuple(fc.constant(wanted), fc.nat(wanted)));

  it('the charge is a whole number from nothing to all, off by half a credit at most', () => {
    fc.assert(
      fc.property(credits, outputs, (reserved, [wanted, made]) => {
        const charged = chargeFor(reserved, { wanted, made });
        expect(Number.isInteger(charged)).toBe(true);
        expect(charged).toBeGreaterThanOrEqual(0);
        expect(charged).toBeLessThanOrEqual(reserved);
        expect(Math.abs(charged - (reserved * made) / wanted)).toBeLessThanOrEqual(0.5);
      }),
    );
  });

  it('all that was made costs all, nothing costs nothing, and more never costs less', () => {
    fc.assert(
      fc.property(credits, fc.integer({ min: 1, max: 6 }), (reserved, wanted) => {
        const charges = Array.from({ length: wanted + 1 }, (_, made) => chargeFor(reserved, { wanted, made }));
        expect(charges[0]).toBe(0);
        expect(charges[wanted]).toBe(reserved);
        expect(charges).toEqual([...charges].sort((a, b) => a - b));
      }),
    );
  });
});
