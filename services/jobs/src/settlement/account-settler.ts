/** Brings open reservations to their end in the account stream, each once. */
import { type Account, type AccountDecision, type AccountEvent, foldAccount } from '#contracts/domain/account.js';
import type { AccountEventData } from '#contracts/events/registry.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { accountSubject } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import { SubjectStore } from '#eventing/subject-store.js';

/** What is to become of the reservation of one job. */
export interface Settlement {
  readonly jobId: string;
  decide(account: Account): AccountDecision;
  /** Called when it is stored. */
  settled(event: AccountEvent): void;
}

export class AccountSettler {
  private readonly accounts: SubjectStore<keyof AccountEventData>;

  constructor(bus: Bus) {
    this.accounts = new SubjectStore(bus, ACCOUNT_STREAM);
  }

  /**
   * One after the other, each on what the one before left: one read of the account for all of them, unless a gateway
   * comes in between. Rejects as an append does; what is stored by then stays.
   */
  async settle(accountKey: string, settlements: readonly Settlement[]): Promise<void> {
    const place = { subject: accountSubject(accountKey), subjectId: accountKey };
    let known = await this.accounts.read(place.subject);
    for (const { jobId, decide, settled } of settlements) {
      // A reservation is stored before its job's request: one that is not there by now was settled before.
      if (!Object.hasOwn(known.event?.data.reservations ?? {}, jobId)) continue;
      const result = await this.accounts.execute(place, (last) => decide(foldAccount(accountKey, last ? [last] : [])), {
        known,
      });
      if (result.outcome === 'appended') settled(result.event);
      known = result.outcome === 'appended' ? { event: result.event, sequence: result.event.sequence } : result.reading;
    }
  }
}
