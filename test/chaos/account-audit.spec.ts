import { describe, expect, it } from 'vitest';
import type { AccountEvent } from '#contracts/domain/account.js';
import type { Job } from '#contracts/domain/job.js';
import { aRequest } from '../../libs/eventing/test/a-job.js';
import { auditLedger, countSettlements, type Ledger } from './account-audit.js';

const requested = aRequest({ credits: 4 });
const { jobId, accountKey } = requested;
const TIME = '2026-01-01T00:00:00.000Z';
const told = { requested, requestedAt: TIME, assets: [], deletedIndexes: [], sequence: 2 };
const completed = { jobId, attempt: 1, assets: [], primaryAsset: '', missing: [] } as unknown;
const made = { ...told, status: 'completed', completed, endedAt: TIME } as Job;
const running = { ...told, status: 'queued' } as Job;

type Step = readonly [type: AccountEvent['type'], amount: number];

/** Events with the balances that they should have. */
function ledger(job: Job | undefined, ...steps: readonly Step[]): Ledger {
  let [balance, reserved] = [0, 0];
  const events = steps.map(([type, amount], index) => {
    if (type === 'CreditsGranted') balance += amount;
    if (type === 'CreditsReserved') [balance, reserved] = [balance - amount, reserved + amount];
    if (type === 'CreditsCharged') [balance, reserved] = [balance + reserved - amount, 0];
    if (type === 'CreditsReleased') [balance, reserved] = [balance + reserved, 0];
    const reservations = reserved > 0 ? { [jobId]: reserved } : {};
    return {
      type,
      id: `${index}`,
      time: TIME,
      sequence: index + 1,
      data: { accountKey, jobId, amount, balance, reservations },
    };
  });
  return { accounts: new Map([[accountKey, events as AccountEvent[]]]), jobs: new Map(job ? [[jobId, job]] : []) };
}

const verdicts = (found: Ledger) => auditLedger(found).map(({ verdict }) => verdict);
const granted = ['CreditsGranted', 10] as const;
const reserved = ['CreditsReserved', 4] as const;
const charged = ['CreditsCharged', 4] as const;
const released = ['CreditsReleased', 4] as const;

describe('the audit of the ledger', () => {
  it('finds nothing in a charge, a waiting job and an orphan that was released', () => {
    const orphan = ledger(undefined, granted, reserved, released);
    for (const sound of [ledger(made, granted, reserved, charged), ledger(running, granted, reserved), orphan])
      expect(auditLedger(sound)).toEqual([]);
    expect(countSettlements(orphan, [])).toMatchObject({ released: 1, orphans: 1, charged: 0 });
  });

  it('finds an ended job that was not settled, and a job without a reservation', () => {
    expect(verdicts(ledger(made, granted, reserved))).toEqual(['lost']);
    expect(verdicts(ledger(made, granted))).toEqual(['lost']);
  });

  it('finds a job that was settled twice', () => {
    expect(verdicts(ledger(made, granted, reserved, charged, released))).toEqual(['doubled']);
    expect(verdicts(ledger(made, granted, reserved, charged, reserved, charged))).toEqual(['doubled']);
  });

  it('finds a charge that is not what the job made, and a release of what was made', () => {
    expect(verdicts(ledger(made, granted, reserved, ['CreditsCharged', 3]))).toEqual(['wrong']);
    expect(verdicts(ledger(made, granted, reserved, released))).toEqual(['wrong']);
  });

  it('finds credits that came from nowhere', () => {
    const found = ledger(made, granted, reserved, charged);
    const [, , last] = found.accounts.get(accountKey) ?? [];
    if (last) last.data.balance += 1;
    expect(verdicts(found)).toEqual(['wrong']);
  });

  it('finds a reservation that stayed open without a job', () => {
    expect(verdicts(ledger(undefined, granted, reserved))).toEqual(['stuck']);
  });
});
