/** Accounts to test with: what the gateway stores, made short, and what came of it. */
import {
  type Account,
  type AccountDecision,
  type AccountEvent,
  emptyAccount,
  evolveAccount,
  grantCredits,
  reserveCredits,
} from '#contracts/domain/account.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import { type AccountEventData, eventTypeOf } from '#contracts/events/registry.js';
import { accountKeyOf } from '#contracts/ids.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { accountSubject } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import { LogReader } from '#eventing/log-reader.js';
import { SubjectStore } from '#eventing/subject-store.js';
import { pollUntil } from '#launcher/poll.js';
import { aRequest } from './some-jobs.js';

const PATIENCE_MS = 15_000;

export class SomeAccounts {
  private readonly store: SubjectStore<keyof AccountEventData>;

  constructor(private readonly bus: Bus) {
    this.store = new SubjectStore(bus, ACCOUNT_STREAM);
  }

  async of(userId: string): Promise<Account> {
    const key = accountKeyOf(userId);
    const { event } = await this.store.read(accountSubject(key));
    return event ? evolveAccount(emptyAccount(key), event) : emptyAccount(key);
  }

  grant(userId: string, amount: number): Promise<void> {
    return this.append(userId, (account) => grantCredits(account, { amount, reason: 'test', grantedBy: 'root' }));
  }

  reserve(userId: string, jobId: string, credits: number): Promise<void> {
    return this.append(userId, (account) => reserveCredits(account, jobId, credits));
  }

  /** What the gateway has stored of a job before it is requested. */
  async reservedRequest(userId: string, over: Partial<JobRequested> = {}): Promise<JobRequested> {
    const request = aRequest({ userId, accountKey: accountKeyOf(userId), credits: 6, ...over });
    await this.reserve(userId, request.jobId, request.credits);
    return request;
  }

  async untilSettled(userId: string): Promise<Account> {
    return pollUntil(`the account of ${userId} to be settled`, PATIENCE_MS, async () => {
      const account = await this.of(userId);
      return Object.keys(account.reservations).length === 0 ? account : undefined;
    });
  }

  /** Everything that happened to the account, oldest first. */
  async ledger(userId: string): Promise<AccountEvent[]> {
    const raw = await new LogReader(this.bus, ACCOUNT_STREAM.name).read(1, 100_000);
    const own = raw.filter(({ subjectId }) => subjectId === accountKeyOf(userId));
    return own.map((event) => ({ ...event, type: eventTypeOf(event.cloudEventType) }) as AccountEvent);
  }

  private async append(userId: string, decide: (account: Account) => AccountDecision): Promise<void> {
    const key = accountKeyOf(userId);
    const place = { subject: accountSubject(key), subjectId: key };
    const result = await this.store.execute(place, (last) =>
      decide(last ? evolveAccount(emptyAccount(key), last) : emptyAccount(key)),
    );
    if (result.outcome === 'refused') throw new Error(`refused: ${result.reason}`);
  }
}
