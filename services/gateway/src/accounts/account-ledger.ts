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
import { type SubjectReading, type SubjectResult, SubjectStore } from '#eventing/subject-store.js';
import type { Caller } from '../auth/token-verifier.js';
import { BoundedMap } from '../bounded-map.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { Turns } from './turns.js';

type AccountEventType = keyof AccountEventData;
type AccountReading = SubjectReading<AccountEventType>;
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
  /** By subject. */
  private readonly known = new BoundedMap<string, AccountReading>(KNOWN_MAX);
  private readonly turns = new Turns();

  constructor(
    bus: Bus,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'initialCredits'>,
  ) {
    this.accounts = new SubjectStore(bus, ACCOUNT_STREAM);
    // Jobs are settled by another service: without hearing of it, a user's next job would meet a conflict each time.
    const isKnown = (subject: string) => this.known.has(subject);
    this.accounts.watch(accountSubject('*'), isKnown, (subject, reading) => this.learn(subject, reading));
  }

  /** The account as it is stored now; without events it is shown as it will be opened. */
  async read(accountKey: string): Promise<Account> {
    const { event } = await this.accounts.read(accountSubject(accountKey));
    if (event) return foldAccount(accountKey, [event]);
    return { ...emptyAccount(accountKey), balance: this.configuration.initialCredits };
  }

  /** The account as this gateway last heard of it; read when it is not known. */
  async glance(accountKey: string): Promise<Account> {
    return accountOf(accountKey, (await this.knownOf(accountKey)).event);
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
    const decideOn = (last: Recorded<AccountEventType> | undefined) => decide(accountOf(accountKey, last));
    const options = { known, traceparent };
    const result = await this.accounts.execute<AccountRefusal | R>(placeOf(accountKey), decideOn, options);
    const reading = readingOf(result);
    this.replace(accountSubject(accountKey), known, reading);
    const account = accountOf(accountKey, reading.event);
    return result.outcome === 'appended'
      ? { outcome: 'appended', account }
      : { outcome: 'refused', reason: result.reason, account };
  }

  /** What is known of the account, after its first event was stored if there was none. */
  private async opened({ accountKey, userId }: AccountOwner, traceparent: string): Promise<AccountReading> {
    const known = await this.knownOf(accountKey);
    const { initialCredits } = this.configuration;
    if (known.event || initialCredits === 0) return known;
    const open = (last: Recorded<AccountEventType> | undefined) =>
      openAccount(accountOf(accountKey, last), initialCredits, userId);
    return readingOf(await this.accounts.execute(placeOf(accountKey), open, { known, traceparent }));
  }

  private async knownOf(accountKey: string): Promise<AccountReading> {
    const subject = accountSubject(accountKey);
    const known = this.known.get(subject) ?? (await this.accounts.read(subject));
    if (!this.known.has(subject)) this.known.set(subject, known);
    return known;
  }

  private learn(subject: string, reading: AccountReading): void {
    if (reading.sequence > (this.known.get(subject)?.sequence ?? 0)) this.known.set(subject, reading);
  }

  /** What was known is replaced also by what is older: a stream that was made anew begins with small sequences. */
  private replace(subject: string, known: AccountReading, reading: AccountReading): void {
    if (this.known.get(subject) === known) this.known.set(subject, reading);
    else this.learn(subject, reading);
  }
}

function readingOf(result: SubjectResult<AccountEventType, unknown>): AccountReading {
  return result.outcome === 'appended' ? { event: result.event, sequence: result.event.sequence } : result.reading;
}

function placeOf(accountKey: string) {
  return { subject: accountSubject(accountKey), subjectId: accountKey };
}

function accountOf(accountKey: string, last: Recorded<AccountEventType> | undefined): Account {
  return foldAccount(accountKey, last ? [last] : []);
}
