import { Inject, Injectable } from '@nestjs/common';
import {
  type Account,
  type AccountDecision,
  type AccountRefusal,
  emptyAccount,
  foldAccount,
  openAccount,
} from '#contracts/domain/account.js';
import type { AccountEventData, Recorded } from '#contracts/events/registry.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { accountSubject } from '#contracts/subjects.js';
import { Bus } from '#eventing/bus.js';
import { type SubjectReading, SubjectStore } from '#eventing/subject-store.js';
import type { Caller } from '../auth/token-verifier.js';
import { BoundedMap } from '../bounded-map.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { Turns } from './turns.js';

type AccountEventType = keyof AccountEventData;
export type AccountOwner = Pick<Caller, 'accountKey' | 'userId'>;

export type AccountChange<R = never> =
  | { readonly outcome: 'appended'; readonly account: Account }
  | { readonly outcome: 'refused'; readonly reason: AccountRefusal | R; readonly account: Account };

type Decide<R> = (account: Account) => Decision<R> | Promise<Decision<R>>;
type Decision<R> = AccountDecision | { readonly decided: 'refuse'; readonly reason: R };

export interface ChangeContext {
  /** Aborted while the change waits for its turn, it is not begun. */
  readonly signal: AbortSignal;
  readonly traceparent: string;
}

/** Accounts whose last event is remembered. */
const KNOWN_MAX = 5_000;

/**
 * The accounts, as all gateways share them through guarded appends. Within this gateway the changes of one account take
 * turns, each on what the one before left: one publish each, and conflicts only with others. A user's first change
 * grants what a new user gets, once over all gateways, because only one first event can be stored.
 */
@Injectable()
export class AccountLedger {
  private readonly accounts: SubjectStore<AccountEventType>;
  private readonly known = new BoundedMap<string, SubjectReading<AccountEventType>>(KNOWN_MAX);
  private readonly turns = new Turns();

  constructor(
    bus: Bus,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'initialCredits'>,
  ) {
    this.accounts = new SubjectStore(bus, ACCOUNT_STREAM);
  }

  /** The account as it is stored now; without events it is shown as it will be opened. */
  async read(accountKey: string): Promise<Account> {
    const { event } = await this.accounts.read(accountSubject(accountKey));
    if (event) return foldAccount(accountKey, [event]);
    return { ...emptyAccount(accountKey), balance: this.configuration.initialCredits };
  }

  /** The account as this gateway left it, which others may have changed since; read when it is not known. */
  async glance(accountKey: string): Promise<Account> {
    const known = this.known.get(accountKey) ?? (await this.accounts.read(accountSubject(accountKey)));
    if (!this.known.has(accountKey)) this.known.set(accountKey, known);
    return accountOf(accountKey, known.event);
  }

  /** An event by its place in the stream. */
  eventAt(sequence: number): Promise<Recorded<AccountEventType> | undefined> {
    return this.accounts.at(sequence);
  }

  /** Decides on the account and appends. A refusal is one of what is stored. Rejects as an append does. */
  change<R = never>(owner: AccountOwner, decide: Decide<R>, context: ChangeContext): Promise<AccountChange<R>> {
    return this.turns.take(owner.accountKey, () => this.decideAndAppend(owner, decide, context), context.signal);
  }

  private async decideAndAppend<R>(
    owner: AccountOwner,
    decide: Decide<R>,
    { traceparent }: ChangeContext,
  ): Promise<AccountChange<R>> {
    const { accountKey } = owner;
    const known = await this.opened(owner, traceparent);
    const place = placeOf(accountKey);
    const decideOn = (last: Recorded<AccountEventType> | undefined) => decide(accountOf(accountKey, last));
    const result = await this.accounts.execute<AccountRefusal | R>(place, decideOn, { known, traceparent });
    if (result.outcome === 'appended') {
      this.known.set(accountKey, { event: result.event, sequence: result.event.sequence });
      return { outcome: 'appended', account: accountOf(accountKey, result.event) };
    }
    this.known.set(accountKey, result.reading);
    return { outcome: 'refused', reason: result.reason, account: accountOf(accountKey, result.reading.event) };
  }

  /** The last event of the account, after its first one was stored if there was none. */
  private async opened({ accountKey, userId }: AccountOwner, traceparent: string) {
    const known = this.known.get(accountKey) ?? (await this.accounts.read(accountSubject(accountKey)));
    const { initialCredits } = this.configuration;
    if (known.event || initialCredits === 0) return known;
    const open = (last: Recorded<AccountEventType> | undefined) =>
      openAccount(accountOf(accountKey, last), initialCredits, userId);
    const result = await this.accounts.execute(placeOf(accountKey), open, { known, traceparent });
    return result.outcome === 'appended' ? { event: result.event, sequence: result.event.sequence } : result.reading;
  }
}

function placeOf(accountKey: string) {
  return { subject: accountSubject(accountKey), subjectId: accountKey };
}

function accountOf(accountKey: string, last: Recorded<AccountEventType> | undefined): Account {
  return foldAccount(accountKey, last ? [last] : []);
}
