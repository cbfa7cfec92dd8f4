import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { JOB_TYPES, type JobType } from '../job-catalogue.js';
import { COUNT_MAX, CREDITS_MAX, PROMPT_MAX_UNITS, PROMPT_TOO_LONG, SEED_MAX } from '../limits.js';

/** What a client may say about a job. Other keys are kept as they are. */
export class QueueJobMetadata {
  /** 1 to 10,000 characters after trimming, unless a project gives the prompt. */
  @IsOptional()
  @IsString()
  @MaxLength(PROMPT_MAX_UNITS, PROMPT_TOO_LONG)
  prompt?: string;

  /** SDXL only: put before the generated one. */
  @IsOptional()
  @IsString()
  @MaxLength(PROMPT_MAX_UNITS, PROMPT_TOO_LONG)
  negative_prompt?: string;

  /** Output k uses seed + k. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(SEED_MAX)
  seed?: number;

  /** Outputs; SDXL only. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(COUNT_MAX)
  count?: number;

  /** Checked, but the server prices jobs. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(CREDITS_MAX)
  credits?: number;

  /** The job type's own bucket, or absent. */
  @IsOptional()
  @IsString()
  bucket?: string;
}

/** The body of `POST /api/queue-job`. */
export class QueueJobRequest {
  @IsIn(JOB_TYPES)
  jobType!: JobType;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => QueueJobMetadata)
  metadata?: QueueJobMetadata;

  @IsOptional()
  @IsUUID()
  projectId?: string;

  @IsOptional()
  @IsUUID()
  videoId?: string;

  @IsOptional()
  @IsUUID()
  imageId?: string;
}

/** The keys of `metadata` that the server knows. */
export const KNOWN_METADATA_KEYS = ['prompt', 'negative_prompt', 'seed', 'count', 'credits', 'bucket'] as const;
