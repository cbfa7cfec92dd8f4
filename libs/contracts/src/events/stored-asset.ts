import {
  IsInt,
  IsISO8601,
  IsNumber,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { SEED_MAX } from '../limits.js';

/** One file in the asset store. */
export class StoredAsset {
  @IsUUID()
  id!: string;

  /** Place of the output in its job, from 0. */
  @IsInt()
  @Min(0)
  index!: number;

  /** `<bucket>/<accountKey>/<jobId>/<index>.<ext>` */
  @IsString()
  key!: string;

  @IsString()
  bucket!: string;

  @IsInt()
  @IsPositive()
  bytes!: number;

  /** SHA-256 of the file, lower-case hex. */
  @Matches(/^[0-9a-f]{64}$/)
  sha256!: string;

  @IsString()
  mediaType!: string;

  @IsInt()
  @IsPositive()
  width!: number;

  @IsInt()
  @IsPositive()
  height!: number;

  /** Seconds, absent for pictures. */
  @IsOptional()
  @IsNumber()
  durationSeconds?: number;

  @IsInt()
  @Min(0)
  @Max(SEED_MAX)
  seed!: number;

  @IsISO8601()
  storedAt!: string;
}
