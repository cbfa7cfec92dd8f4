import { Controller, Get } from '@nestjs/common';
import { reservedCredits } from '#contracts/domain/account.js';
import type { AccountState } from '#contracts/events/account-events.js';
import type { CreditsAnswer } from '#contracts/http/credits.js';
import { Bus } from '#eventing/bus.js';
import { From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { unlessAway } from '../unless-away.js';
import { AccountLedger } from './account-ledger.js';

@Controller('api/credits')
export class CreditsController {
  constructor(
    private readonly bus: Bus,
    private readonly ledger: AccountLedger,
  ) {}

  @Get()
  async get(@From() { accountKey }: Caller): Promise<CreditsAnswer> {
    return creditsAnswerOf(await unlessAway(this.bus, () => this.ledger.read(accountKey)));
  }
}

export function creditsAnswerOf(account: AccountState): CreditsAnswer {
  return { balance: account.balance, reserved: reservedCredits(account) };
}
