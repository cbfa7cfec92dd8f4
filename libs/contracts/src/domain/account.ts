/** An account's credits as its events tell them. Pure; whole credits. */
import type { AccountState } from '../events/account-events.js';
import type { AccountEventData, Proposed, Recorded } from '../events/registry.js';
import { unreachable } from './job.js';

export interface Account extends AccountState {
  readonly accountKey: string;
  /** Stream sequence of the account's last event, 0 for none: what the next append expects. */
  readonly sequence: number;
}

export type AccountEvent = Recorded<keyof AccountEventData>;
export type AccountRefusal = 'insufficient_credits' | 'already_reserved' | 'no_reservation' | 'balance_below_zero';
export type AccountDecision =
  | { readonly decided: 'append'; readonly event: Proposed<keyof AccountEventData> }
  | { readonly decided: 'refuse'; readonly reason: AccountRefusal };

export function emptyAccount(accountKey: string): Account {
  return { accountKey, balance: 0, reservations: {}, sequence: 0 };
}

/** Every account event carries the account after it, so that the last one tells all. */
export function evolveAccount(account: Account, event: AccountEvent): Account {
  switch (event.type) {
    case 'CreditsGranted':
    case 'CreditsReserved':
    case 'CreditsCharged':
    case 'CreditsReleased':
      return {
        accountKey: account.accountKey,
        balance: event.data.balance,
        reservations: event.data.reservations,
        sequence: event.sequence,
      };
    default:
      return unreachable(event);
  }
}

export function foldAccount(accountKey: string, events: readonly AccountEvent[]): Account {
  return events.reduce(evolveAccount, emptyAccount(accountKey));
}

export function grantCredits(
  account: Account,
  grant: { amount: number; reason: string; grantedBy: string; userId?: string },
): AccountDecision {
  const balance = account.balance + grant.amount;
  if (balance < 0) return refuse('balance_below_zero');
  return append('CreditsGranted', { ...after(account, balance, account.reservations), ...grant });
}

/** Reserving twice for one job is refused as `already_reserved`, which the caller takes as done. */
export function reserveCredits(account: Account, jobId: string, amount: number): AccountDecision {
  if (Object.hasOwn(account.reservations, jobId)) return refuse('already_reserved');
  if (amount > account.balance) return refuse('insufficient_credits');
  const reservations = { ...account.reservations, [jobId]: amount };
  return append('CreditsReserved', { ...after(account, account.balance - amount, reservations), jobId, amount });
}

/** Takes `amount` of what was reserved for the job and gives the rest back. */
export function chargeCredits(account: Account, jobId: string, amount: number): AccountDecision {
  const reserved = reservedFor(account, jobId);
  if (reserved === undefined) return refuse('no_reservation');
  const charged = Math.min(amount, reserved);
  const state = after(account, account.balance + reserved - charged, without(account.reservations, jobId));
  return append('CreditsCharged', { ...state, jobId, amount: charged });
}

export function releaseCredits(account: Account, jobId: string): AccountDecision {
  const reserved = reservedFor(account, jobId);
  if (reserved === undefined) return refuse('no_reservation');
  const state = after(account, account.balance + reserved, without(account.reservations, jobId));
  return append('CreditsReleased', { ...state, jobId, amount: reserved });
}

function reservedFor({ reservations }: Account, jobId: string): number | undefined {
  return Object.hasOwn(reservations, jobId) ? reservations[jobId] : undefined;
}

function after(account: Account, balance: number, reservations: Record<string, number>) {
  return { accountKey: account.accountKey, balance, reservations };
}

function without(reservations: Record<string, number>, jobId: string): Record<string, number> {
  return Object.fromEntries(Object.entries(reservations).filter(([id]) => id !== jobId));
}

function append<T extends keyof AccountEventData>(type: T, data: AccountEventData[T]): AccountDecision {
  return { decided: 'append', event: { type, data } as Proposed<keyof AccountEventData> };
}

function refuse(reason: AccountRefusal): AccountDecision {
  return { decided: 'refuse', reason };
}
