/** What happens to a job. Every type is cumulative: the last event of each type tells all that type has to say. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { JOB_TYPES, type JobType } from '../job-catalogue.js';
import { COUNT_MAX, SEED_MAX, SUBJECT_MAX_CHARACTERS } from '../limits.js';
import { LANES, type Lane } from '../subjects.js';
import { EngineConfig } from './engine-config.js';
import { PromptText } from './prompt-text.js';
import { StoredAsset } from './stored-asset.js';

export class JobRequested {
  @IsUUID()
  jobId!: string;

  /** The user: `sub` of the token. */
  @IsString()
  @MaxLength(SUBJECT_MAX_CHARACTERS)
  userId!: string;

  @IsString()
  accountKey!: string;

  @IsIn(JOB_TYPES)
  jobType!: JobType;

  @IsIn(LANES)
  lane!: Lane;

  @ValidateNested()
  @Type(() => PromptText)
  prompt!: PromptText;

  /** SDXL only. */
  @IsOptional()
  @ValidateNested()
  @Type(() => PromptText)
  negativePrompt?: PromptText;

  @ValidateNested()
  @Type(() => EngineConfig)
  config!: EngineConfig;

  /** One seed for each output, in index order. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(COUNT_MAX)
  @IsInt({ each: true })
  @Min(0, { each: true })
  @Max(SEED_MAX, { each: true })
  seeds!: number[];

  @IsString()
  bucket!: string;

  @IsInt()
  @IsPositive()
  credits!: number;

  @IsOptional()
  @IsUUID()
  projectId?: string;

  @IsOptional()
  @IsUUID()
  imageId?: string;

  @IsOptional()
  @IsUUID()
  videoId?: string;

  @IsOptional()
  @IsUUID()
  characterId?: string;

  /** SHA-256 (lower-case hex) of the client's request, where it came with an idempotency key. */
  @IsOptional()
  @Matches(/^[0-9a-f]{64}$/)
  requestHash?: string;

  /** The failed job that this one is another try of. */
  @IsOptional()
  @IsUUID()
  retryOf?: string;

  /** Keys of the client's `metadata` that the server does not know, kept as they came. */
  @IsObject()
  clientMetadata!: Record<string, unknown>;
}

/** Why a prompt was not enhanced. */
export const ENHANCEMENT_SKIPS = [
  // The engine did not answer in time, or answered with errors, as often as it was asked.
  'timeout',
  'engine_failed',
  // It answered, but with nothing that a prompt could be.
  'no_usable_answer',
  // What it made of the prompt is not allowed here.
  'content_policy',
  // The prompt is already as long as the model can read.
  'prompt_too_long',
  // The job's message used up its deliveries, or no enhancer could deal with it.
  'given_up',
] as const;
export type EnhancementSkip = (typeof ENHANCEMENT_SKIPS)[number];

export class PromptEnhanced {
  @IsUUID()
  jobId!: string;

  @ValidateNested()
  @Type(() => PromptText)
  original!: PromptText;

  /** Absent when enhancement failed for good; the original is used then. */
  @IsOptional()
  @ValidateNested()
  @Type(() => PromptText)
  enhanced?: PromptText;

  /** Why there is no enhanced prompt. */
  @IsOptional()
  @IsIn(ENHANCEMENT_SKIPS)
  skipped?: EnhancementSkip;

  /** The language model that was asked, `none` when it is not known. */
  @IsString()
  model!: string;

  /** Milliseconds from taking the job to the result. */
  @IsInt()
  @Min(0)
  durationMs!: number;
}

/** Who made it, for answers and for making it again. */
export class EngineIdentityData {
  @IsString()
  engine!: string;

  @IsString()
  model!: string;

  @IsString()
  version!: string;

  @IsString()
  device!: string;
}

export class JobStarted {
  @IsUUID()
  jobId!: string;

  /** From 1; a later attempt fences an earlier one off. */
  @IsInt()
  @IsPositive()
  attempt!: number;

  @IsString()
  worker!: string;

  @ValidateNested()
  @Type(() => EngineIdentityData)
  engine!: EngineIdentityData;
}

export class AssetStored {
  @IsUUID()
  jobId!: string;

  @IsInt()
  @IsPositive()
  attempt!: number;

  /** All assets so far, in index order. */
  @IsArray()
  @ArrayMinSize(1)
  @ValidateNested({ each: true })
  @Type(() => StoredAsset)
  assets!: StoredAsset[];
}

/** Milliseconds by phase. */
export class JobTimings {
  @IsInt()
  @Min(0)
  waitedMs!: number;

  /** With what the engine needed to load its model. */
  @IsInt()
  @Min(0)
  generatedMs!: number;

  /** Of `generatedMs`: until the engine had its model. Absent where the worker does not know. */
  @IsOptional()
  @IsInt()
  @Min(0)
  loadedMs?: number;

  @IsInt()
  @Min(0)
  storedMs!: number;
}

export class CompletedAsset extends StoredAsset {
  /** The canonical address, without a signature. */
  @IsString()
  url!: string;
}

export class MissingOutput {
  @IsInt()
  @Min(0)
  index!: number;

  @IsString()
  reason!: string;
}

export class JobCompleted {
  @IsUUID()
  jobId!: string;

  @IsInt()
  @IsPositive()
  attempt!: number;

  /** In index order. */
  @IsArray()
  @ArrayMinSize(1)
  @ValidateNested({ each: true })
  @Type(() => CompletedAsset)
  assets!: CompletedAsset[];

  /** URL of the first asset. */
  @IsString()
  primaryAsset!: string;

  @ValidateNested()
  @Type(() => JobTimings)
  timings!: JobTimings;

  @ValidateNested()
  @Type(() => EngineIdentityData)
  engine!: EngineIdentityData;

  /** The outputs of the batch that could not be made; empty when all are there. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => MissingOutput)
  missing!: MissingOutput[];
}

export class JobFailed {
  @IsUUID()
  jobId!: string;

  @IsString()
  code!: string;

  @IsString()
  message!: string;

  /** Whether asking for the same again may succeed. */
  @IsBoolean()
  retryable!: boolean;

  /** Absent when no attempt was started. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  attempt?: number;
}

export class JobCancelled {
  @IsUUID()
  jobId!: string;

  @IsString()
  cancelledBy!: string;
}

/** The last one of an asset tells whether it is a favourite. */
export class AssetFavorited {
  @IsUUID()
  jobId!: string;

  @IsUUID()
  assetId!: string;

  @IsInt()
  @Min(0)
  index!: number;

  @IsBoolean()
  favorite!: boolean;

  @IsString()
  favoritedBy!: string;
}

export class AssetDeleted {
  @IsUUID()
  jobId!: string;

  @IsUUID()
  assetId!: string;

  @IsInt()
  @Min(0)
  index!: number;

  @IsString()
  key!: string;

  @IsString()
  deletedBy!: string;
}
