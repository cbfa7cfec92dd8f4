import { Injectable } from '@nestjs/common';
import { type Account, type Grant, grantCredits } from '#contracts/domain/account.js';
import type { AccountState } from '#contracts/events/account-events.js';
import type { Recorded } from '#contracts/events/registry.js';
import { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import { ApiError } from '../http/api-error.js';
import { AccountLedger, type AccountOwner, type ChangeContext } from './account-ledger.js';

export interface Granted {
  /** As the grant left it. */
  readonly account: AccountState;
  /** Whether an earlier request with the same key had made the grant. */
  readonly replayed: boolean;
}

/** Gives credits to a user and takes them away. */
@Injectable()
export class CreditGrants {
  constructor(
    private readonly bus: Bus,
    private readonly ledger: AccountLedger,
  ) {}

  /**
   * Once for a key, at whatever gateway: the decision looks the key up in the very account that the append expects.
   * @throws ApiError `balance_below_zero`, or `idempotency_key_reuse` when the key stands for another grant.
   */
  async grant(owner: AccountOwner, grant: Grant, context: ChangeContext): Promise<Granted> {
    let earlier: Recorded<'CreditsGranted'> | undefined;
    const decide = async (account: Account) => {
      earlier = await this.earlierGrant(account, grant.idempotencyKey);
      return earlier ? ({ decided: 'refuse', reason: 'already_granted' } as const) : grantCredits(account, grant);
    };
    const change = await this.ledger.change(owner, decide, context);
    if (earlier) return replay(earlier, grant);
    if (change.outcome === 'appended') return { account: change.account, replayed: false };
    throw new ApiError('balance_below_zero', { details: `the balance is ${change.account.balance}` });
  }

  /**
   * Goes from keyed grant to keyed grant, the newest first. A stream that was lost and filled again has them at other
   * sequences: those of before only the log finds.
   */
  private async earlierGrant(
    account: Account,
    key: string | undefined,
  ): Promise<Recorded<'CreditsGranted'> | undefined> {
    if (key === undefined) return undefined;
    for (let at = account.lastKeyedGrant; at !== undefined; ) {
      const event = await this.ledger.eventAt(at);
      if (!event)
        return (await ask(this.bus, 'credits.keyed-grant', { accountKey: account.accountKey, key })).grant ?? undefined;
      if (event?.type !== 'CreditsGranted' || event.data.accountKey !== account.accountKey) return undefined;
      if (event.data.idempotencyKey === key) return event;
      at = event.data.lastKeyedGrant;
    }
    return undefined;
  }
}

function replay({ data }: Recorded<'CreditsGranted'>, { amount, reason }: Grant): Granted {
  if (data.amount !== amount || data.reason !== reason) throw new ApiError('idempotency_key_reuse');
  return { account: data, replayed: true };
}
