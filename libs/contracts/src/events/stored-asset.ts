import 'reflect-metadata';
import { Type } from 'class-transformer';
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
  ValidateNested,
} from 'class-validator';
import { SEED_MAX } from '../limits.js';

/** A small picture of an asset, for lists: of a video, its first frame. */
export class AssetPreview {
  /** `<bucket>/<accountKey>/<jobId>/<index>.preview.webp` */
  @IsString()
  key!: string;

  @IsString()
  mediaType!: string;

  @IsInt()
  @IsPositive()
  bytes!: number;

  /** Pixels. */
  @IsInt()
  @IsPositive()
  width!: number;

  /** Pixels. */
  @IsInt()
  @IsPositive()
  height!: number;
}

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

  /** Absent where none could be made. */
  @IsOptional()
  @ValidateNested()
  @Type(() => AssetPreview)
  preview?: AssetPreview;
}
