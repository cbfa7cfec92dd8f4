/** What happens to an account's credits. Each event carries the whole account after it, so the last one is the account. */
import { IsInt, IsObject, IsOptional, IsPositive, IsString, IsUUID, MaxLength, Min } from 'class-validator';
import { CREDIT_REASON_MAX_CHARACTERS, IDEMPOTENCY_KEY_MAX_CHARACTERS } from '../limits.js';

export class AccountState {
  /** Credits that can still be spent; reserved ones are already taken off. */
  @IsInt()
  @Min(0)
  balance!: number;

  /** Open reservations: credits by job id. They are the user's open jobs. */
  @IsObject()
  reservations!: Record<string, number>;

  /**
   * Stream sequence of the account's last grant that came with an idempotency key; that grant tells the one before it.
   * So a key is found again however long ago it was used, without a list that grows.
   */
  @IsOptional()
  @IsInt()
  @IsPositive()
  lastKeyedGrant?: number;
}

abstract class AccountEvent extends AccountState {
  @IsString()
  accountKey!: string;
}

export class CreditsGranted extends AccountEvent {
  /** May be negative: a correction. */
  @IsInt()
  amount!: number;

  @IsString()
  @MaxLength(CREDIT_REASON_MAX_CHARACTERS)
  reason!: string;

  /** `sub` of the operator, or `system`. */
  @IsString()
  grantedBy!: string;

  @IsOptional()
  @IsString()
  userId?: string;

  /** The grant is made once for it. */
  @IsOptional()
  @IsString()
  @MaxLength(IDEMPOTENCY_KEY_MAX_CHARACTERS)
  idempotencyKey?: string;
}

export class CreditsReserved extends AccountEvent {
  @IsUUID()
  jobId!: string;

  @IsInt()
  @IsPositive()
  amount!: number;
}

export class CreditsCharged extends AccountEvent {
  @IsUUID()
  jobId!: string;

  @IsInt()
  @Min(0)
  amount!: number;
}

export class CreditsReleased extends AccountEvent {
  @IsUUID()
  jobId!: string;

  @IsInt()
  @Min(0)
  amount!: number;
}
