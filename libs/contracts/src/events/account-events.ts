/** What happens to an account's credits. Each event carries the whole account after it, so the last one is the account. */
import { IsInt, IsObject, IsOptional, IsPositive, IsString, IsUUID, Min } from 'class-validator';

export class AccountState {
  /** Credits that can still be spent; reserved ones are already taken off. */
  @IsInt()
  @Min(0)
  balance!: number;

  /** Open reservations: credits by job id. */
  @IsObject()
  reservations!: Record<string, number>;
}

abstract class AccountEvent {
  @IsString()
  accountKey!: string;

  @IsInt()
  @Min(0)
  balance!: number;

  @IsObject()
  reservations!: Record<string, number>;
}

export class CreditsGranted extends AccountEvent {
  /** May be negative: a correction. */
  @IsInt()
  amount!: number;

  @IsString()
  reason!: string;

  @IsString()
  grantedBy!: string;

  @IsOptional()
  @IsString()
  userId?: string;
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
