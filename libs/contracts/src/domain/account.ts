/** An account's credits as its events tell them. Pure; whole credits. */
import type { AccountState, CreditsGranted } from '../events/account-events.js';
import type { AccountEventData, Proposed, Recorded } from '../events/registry.js';
import { unreachable } from './job.js';

export interface Account extends Readonly<AccountState> {
  readonly accountKey: string;
  /** Stream sequence of the account's last event, 0 for none: what the next append expects. */
  readonly sequence: number;
}

export type AccountEvent = Recorded<keyof AccountEventData>;
export type AccountRefusal =
  | 'already_open'
  | 'already_reserved'
  | 'too_many_reservations'
  | 'insufficient_credits'
  | 'no_reservation'
  | 'balance_below_zero';
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
        lastKeyedGrant: isKeyedGrant(event) ? event.sequence : event.data.lastKeyedGrant,
        sequence: event.sequence,
      };
    default:
      return unreachable(event);
  }
}

export function foldAccount(accountKey: string, events: readonly AccountEvent[]): Account {
  return events.reduce(evolveAccount, emptyAccount(accountKey));
}

export type Grant = Pick<CreditsGranted, 'amount' | 'reason' | 'grantedBy' | 'userId' | 'idempotencyKey'>;

/** What a new user begins with: the first event of an account and of no other. */
export function openAccount(account: Account, amount: number, userId: string): AccountDecision {
  if (account.sequence > 0) return refuse('already_open');
  return grantCredits(account, { amount, reason: 'initial', grantedBy: 'system', userId });
}

export function grantCredits(account: Account, grant: Grant): AccountDecision {
  const balance = account.balance + grant.amount;
  if (balance < 0) return refuse('balance_below_zero');
  return append('CreditsGranted', { ...after(account, balance, account.reservations), ...grant });
}

/**
 * Reserving twice for one job is refused as `already_reserved`, which the caller takes as done. Reservations are the open
 * jobs: there may be `maxOpen` of them.
 */
export function reserveCredits(
  account: Account,
  jobId: string,
  amount: number,
  maxOpen = Number.POSITIVE_INFINITY,
): AccountDecision {
  if (Object.hasOwn(account.reservations, jobId)) return refuse('already_reserved');
  if (openJobs(account) >= maxOpen) return refuse('too_many_reservations');
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

/** How many jobs of the account have not ended. */
export function openJobs({ reservations }: Pick<AccountState, 'reservations'>): number {
  return Object.keys(reservations).length;
}

/** Credits that are set aside for open jobs. */
export function reservedCredits({ reservations }: Pick<AccountState, 'reservations'>): number {
  return Object.values(reservations).reduce((total, amount) => total + amount, 0);
}

/** Where the search for an idempotency key goes on. */
function isKeyedGrant(event: AccountEvent): boolean {
  return event.type === 'CreditsGranted' && event.data.idempotencyKey !== undefined;
}

function reservedFor({ reservations }: Account, jobId: string): number | undefined {
  return Object.hasOwn(reservations, jobId) ? reservations[jobId] : undefined;
}

function after(account: Account, balance: number, reservations: Record<string, number>) {
  const { accountKey, lastKeyedGrant } = account;
  return { accountKey, balance, reservations, ...(lastKeyedGrant === undefined ? {} : { lastKeyedGrant }) };
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
