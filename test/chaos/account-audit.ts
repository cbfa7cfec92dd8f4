/** Whether the credits of every account add up, and every job that ended was settled once and for what it made. */
import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { type Account, type AccountEvent, emptyAccount, foldAccount } from '#contracts/domain/account.js';
import { type EndedJob, isEnded, type Job } from '#contracts/domain/job.js';
import { settleJob } from '#contracts/domain/settlement.js';
import { eventTypeOf } from '#contracts/events/registry.js';
import { accountSubject } from '#contracts/subjects.js';
import type { RawEvent } from '#eventing/log-reader.js';
import { doubled, type Finding, lost, stuck, wrong } from './verdict.js';

/** How often reservations came to an end, and how often not as they should. */
export interface Settlements {
  readonly charged: number;
  readonly released: number;
  /** Released because their job never appeared. */
  readonly orphans: number;
  readonly lost: number;
  readonly doubled: number;
}

export interface Ledger {
  /** By account, in the order of the stream. */
  readonly accounts: ReadonlyMap<string, readonly AccountEvent[]>;
  readonly jobs: ReadonlyMap<string, Job>;
}

/** The accounts that a stream tells of; what else lies in it is left out. */
export function accountsIn(events: readonly RawEvent[]): Map<string, AccountEvent[]> {
  const own = events.filter(({ subject, subjectId }) => subject === accountSubject(subjectId));
  return Map.groupBy(own.map(accountEvent), ({ data }) => data.accountKey);
}

function accountEvent({ cloudEventType, id, time, sequence, data }: RawEvent): AccountEvent {
  const type = eventTypeOf(cloudEventType);
  if (!type) throw new Error(`unknown event ${cloudEventType}`);
  return { type, id, time, sequence, data } as AccountEvent;
}

/** The jobs that have a reservation now. */
export function openReservations(accounts: Ledger['accounts']): string[] {
  return [...accounts.values()].flatMap((events) => Object.keys(events.at(-1)?.data.reservations ?? {}));
}

export function auditLedger(ledger: Ledger): Finding[] {
  const histories = historiesOf(ledger.accounts);
  return [
    ...[...ledger.accounts].flatMap(([key, events]) => auditSums(key, events)),
    ...[...ledger.jobs.values()].flatMap((job) => auditJob(job, histories.get(job.requested.jobId) ?? [])),
    ...openReservations(ledger.accounts)
      .filter((jobId) => !ledger.jobs.has(jobId))
      .map((jobId) => stuck(`the reservation of job ${jobId}, which never appeared, is open`)),
  ];
}

export function countSettlements({ accounts, jobs }: Ledger, findings: readonly Finding[]): Settlements {
  const events = [...accounts.values()].flat();
  const released = events.filter((event) => event.type === 'CreditsReleased');
  const count = (verdict: Finding['verdict']) => findings.filter((finding) => finding.verdict === verdict).length;
  return {
    charged: events.filter(({ type }) => type === 'CreditsCharged').length,
    released: released.length,
    orphans: released.filter(({ data }) => !jobs.has(data.jobId)).length,
    lost: count('lost'),
    doubled: count('doubled'),
  };
}

type JobCreditsEvent = Exclude<AccountEvent, { type: 'CreditsGranted' }>;

function historiesOf(accounts: Ledger['accounts']): Map<string, JobCreditsEvent[]> {
  const ofJobs = [...accounts.values()].flat().filter((event) => event.type !== 'CreditsGranted');
  return Map.groupBy(ofJobs, ({ data }) => data.jobId);
}

/** After every event: what can be spent and what is reserved is what was granted without what was charged. */
function auditSums(key: string, events: readonly AccountEvent[]): Finding[] {
  let left = 0;
  for (const { type, data } of events) {
    if (type === 'CreditsGranted') left += data.amount;
    if (type === 'CreditsCharged') left -= data.amount;
    const held = data.balance + sum(Object.values(data.reservations));
    if (held !== left) return [wrong(`account ${key} holds ${held} credits, not ${left}, after ${type}`)];
  }
  return [];
}

function auditJob(job: Job, history: readonly JobCreditsEvent[]): Finding[] {
  const { jobId } = job.requested;
  const reserved = history.filter(({ type }) => type === 'CreditsReserved').length;
  const settled = history.filter(({ type }) => type !== 'CreditsReserved');
  if (reserved === 0) return [lost(`job ${jobId} has no reservation`)];
  if (settled.length > reserved || settled.filter(({ type }) => type === 'CreditsCharged').length > 1)
    return [doubled(`job ${jobId} was settled ${settled.length} times, reserved ${reserved} times`)];
  if (!isEnded(job)) return [];
  if (settled.length < reserved) return [lost(`job ${jobId} is ${job.status} and was not settled`)];
  return auditAmount(job, history[0]?.data.accountKey ?? '', history);
}

/** One reservation, one settlement: it has to be the one that the job's end comes to. */
function auditAmount(job: EndedJob, accountKey: string, history: readonly JobCreditsEvent[]): Finding[] {
  const [reservation, settlement] = history;
  if (history.length !== 2 || !reservation || !settlement) return [];
  const { jobId } = job.requested;
  const account: Account = { ...emptyAccount(accountKey), reservations: { [jobId]: reservation.data.amount } };
  const decision = settleJob(account, job);
  if (decision.decided === 'refuse') throw new Error(`job ${jobId} is refused: ${decision.reason}`);
  const { type, data } = decision.event;
  const amount = 'amount' in data ? data.amount : 0;
  if (settlement.type === type && settlement.data.amount === amount) return [];
  return [wrong(`job ${jobId} is ${job.status}: ${settlement.type} ${settlement.data.amount}, not ${type} ${amount}`)];
}

/** The projections of accounts and usage against the ledger. */
export async function auditAccountTables(database: pg.Client, { accounts, jobs }: Ledger): Promise<Finding[]> {
  const balances = await database.query<{ account_key: string; balance: string; reserved: string }>(
    'select account_key, balance, reserved from accounts',
  );
  const usage = await database.query<{ job_id: string; credits: string }>(
    'select job_id, credits from usage_log where requested_at is not null',
  );
  const held = [...accounts].map(([key, events]): [string, number[]] => {
    const { balance, reservations } = foldAccount(key, events);
    return [key, [balance, sum(Object.values(reservations))]];
  });
  const used = [...historiesOf(accounts)].map(([id, history]): [string, number] => [id, usedBy(history)]);
  const heldInTable = balances.rows.map((row): [string, number[]] => [row.account_key, [+row.balance, +row.reserved]]);
  const usedInTable = usage.rows.map((row): [string, number] => [row.job_id, +row.credits]);
  return [
    ...compare('account', held, heldInTable),
    ...compare(
      'usage of job',
      used.filter(([id]) => jobs.has(id)),
      usedInTable,
    ),
  ];
}

/** What was charged, or what is reserved while nothing was. */
function usedBy(history: readonly JobCreditsEvent[]): number {
  const charge = history.find(({ type }) => type === 'CreditsCharged');
  const last = charge ?? history.at(-1);
  return last === undefined || last.type === 'CreditsReleased' ? 0 : last.data.amount;
}

function compare<T>(what: string, ledger: readonly [string, T][], table: readonly [string, T][]): Finding[] {
  const [expected, found] = [new Map(ledger), new Map(table)];
  const keys = [...new Set([...expected.keys(), ...found.keys()])];
  const different = keys.filter((key) => !isDeepStrictEqual(expected.get(key), found.get(key)));
  return different.map((key) =>
    wrong(`${what} ${key} is ${found.get(key)} in the projection, not ${expected.get(key)}`),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
