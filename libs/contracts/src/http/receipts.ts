/** Receipts: what an ended job made and what it cost, signed. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsISO8601,
  IsPositive,
  IsString,
  IsUUID,
  Matches,
  Min,
  ValidateNested,
} from 'class-validator';
import type { EndedJob } from '../domain/job.js';
import { EngineIdentityData } from '../events/job-events.js';
import { JOB_TYPES, type JobType } from '../job-catalogue.js';
import { OrNull } from './or-null.js';

const SHA256_HEX = /^[0-9a-f]{64}$/;
const THUMBPRINT = /^[\w-]{43}$/;
const ENDS: readonly EndedJob['status'][] = ['completed', 'failed', 'cancelled'];

/** One file that the job made, whether it was deleted since or not. */
export class ReceiptAsset {
  @IsUUID()
  id!: string;

  /** Place of the output in its job, from 0. */
  @IsInt()
  @Min(0)
  index!: number;

  /** SHA-256 of the file, lower-case hex. */
  @Matches(SHA256_HEX)
  sha256!: string;

  @IsInt()
  @IsPositive()
  bytes!: number;

  @IsString()
  media_type!: string;
}

/** The job's place in the event log. */
export class ReceiptChain {
  /** Hash of the job's last event, lower-case hex: it stands for all of them. */
  @Matches(SHA256_HEX)
  head!: string;

  /** Where that event stands in the log. */
  @IsInt()
  @IsPositive()
  position!: number;

  /** Events in the job's chain, that one included. */
  @IsInt()
  @IsPositive()
  events!: number;

  /** When the log took that event. */
  @IsISO8601()
  recorded_at!: string;
}

/** What is signed. */
export class ReceiptStatement {
  @IsUUID()
  job_id!: string;

  /** Whose job it is: the first 32 hex digits of the SHA-256 of `sub`. */
  @IsString()
  account_key!: string;

  @IsIn(JOB_TYPES)
  job_type!: JobType;

  @IsIn(ENDS)
  status!: EndedJob['status'];

  @IsISO8601()
  requested_at!: string;

  @IsISO8601()
  ended_at!: string;

  /** Engine and model; null for a job that ended before anybody began it. */
  @OrNull()
  @ValidateNested()
  @Type(() => EngineIdentityData)
  engine!: EngineIdentityData | null;

  /** In index order. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ReceiptAsset)
  assets!: ReceiptAsset[];

  /** Credits that were charged. */
  @IsInt()
  @Min(0)
  credits!: number;

  /** When they were charged, or given back. */
  @IsISO8601()
  settled_at!: string;

  @IsDefined()
  @ValidateNested()
  @Type(() => ReceiptChain)
  chain!: ReceiptChain;
}

export const RECEIPT_ALGORITHM = 'Ed25519';

export class ReceiptSignature {
  @IsIn([RECEIPT_ALGORITHM])
  algorithm!: typeof RECEIPT_ALGORITHM;

  /** Which key: the RFC 7638 thumbprint of the public key, base64url. */
  @Matches(THUMBPRINT)
  key_id!: string;

  /** 64 bytes in base64, over the UTF-8 text of `statement` as RFC 8785 writes it: keys sorted, no blanks. */
  @Matches(/^[A-Za-z0-9+/]{86}==$/)
  value!: string;
}

export class JobReceipt {
  @IsDefined()
  @ValidateNested()
  @Type(() => ReceiptStatement)
  statement!: ReceiptStatement;

  @IsDefined()
  @ValidateNested()
  @Type(() => ReceiptSignature)
  signature!: ReceiptSignature;
}

/** The public key that receipts are checked with. */
export class ReceiptKey {
  @IsIn([RECEIPT_ALGORITHM])
  algorithm!: typeof RECEIPT_ALGORITHM;

  /** `signature.key_id` of the receipts that it signed. */
  @Matches(THUMBPRINT)
  key_id!: string;

  /** PEM, SubjectPublicKeyInfo. */
  @IsString()
  public_key!: string;
}
