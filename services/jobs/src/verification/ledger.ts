/** Whether the credits add up: each account event is decided again on the account as it was before. */
import {
  type Account,
  type AccountDecision,
  type AccountEvent,
  chargeCredits,
  emptyAccount,
  evolveAccount,
  grantCredits,
  releaseCredits,
  reserveCredits,
} from '#contracts/domain/account.js';
import { unreachable } from '#contracts/domain/job.js';
import type { AccountEventData } from '#contracts/events/registry.js';
import type { Sql } from '../database/database.js';
import { type LoggedEvent, readLastBefore, readLog } from '../event-log/logged-event.js';
import type { Finding } from './findings.js';
import type { Range } from './segment.js';

type LoggedAccountEvent = LoggedEvent<keyof AccountEventData>;

const ACCOUNT_EVENTS: readonly (keyof AccountEventData)[] = [
  'CreditsGranted',
  'CreditsReserved',
  'CreditsCharged',
  'CreditsReleased',
];

/** The ledger's faults in a stretch of the log. */
export async function examineLedger(sql: Sql, range: Range): Promise<{ events: number; findings: Finding[] }> {
  const events = (await readLog(sql, range, ACCOUNT_EVENTS)) as LoggedAccountEvent[];
  const accounts = await accountsBefore(sql, events, range.after);
  const findings: Finding[] = [];
  for (const event of events) {
    const { position, subjectId } = event;
    const before = accounts.get(subjectId) ?? emptyAccount(subjectId);
    const fault = ledgerFault(before, event);
    if (fault) findings.push({ check: 'ledger', position, subjectId, message: fault });
    accounts.set(subjectId, evolveAccount(before, event));
  }
  return { events: events.length, findings };
}

async function accountsBefore(sql: Sql, events: readonly LoggedAccountEvent[], position: number) {
  const keys = [...new Set(events.map(({ subjectId }) => subjectId))];
  const last = await readLastBefore(sql, keys, position, ...ACCOUNT_EVENTS);
  return new Map(last.map((event) => [event.subjectId, evolveAccount(emptyAccount(event.subjectId), event)]));
}

/** What is wrong with an account event, given the account before it; undefined when it follows from it. */
export function ledgerFault(before: Account, event: AccountEvent): string | undefined {
  const decision = decidedAgain(before, event);
  if (decision.decided === 'refuse') return `${event.type} should have been refused: ${decision.reason}`;
  const { data } = decision.event;
  const { amount, balance, reservations } = event.data;
  if (amount !== data.amount) return `${event.type} of ${amount} credits, where ${data.amount} were reserved`;
  if (balance !== data.balance) return `a balance of ${balance} after ${event.type}, where ${data.balance} remain`;
  if (!sameReservations(reservations, data.reservations)) return `other open reservations after ${event.type}`;
  return undefined;
}

function decidedAgain(account: Account, event: AccountEvent): AccountDecision {
  switch (event.type) {
    case 'CreditsGranted':
      return grantCredits(account, event.data);
    case 'CreditsReserved':
      return reserveCredits(account, event.data.jobId, event.data.amount);
    case 'CreditsCharged':
      return chargeCredits(account, event.data.jobId, event.data.amount);
    case 'CreditsReleased':
      return releaseCredits(account, event.data.jobId);
    default:
      return unreachable(event);
  }
}

function sameReservations(some: Readonly<Record<string, number>>, others: Readonly<Record<string, number>>): boolean {
  const jobs = Object.keys(some);
  return jobs.length === Object.keys(others).length && jobs.every((job) => some[job] === others[job]);
}
