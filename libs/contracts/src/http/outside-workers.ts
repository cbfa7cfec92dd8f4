/** What workers that do not speak NATS send and get, in the reference's field names. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  Equals,
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  IsUrl,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { EngineConfig } from '../events/engine-config.js';
import { JOB_TYPES, type JobType, type ModelVariant, QUEUE_NAMES, type QueueName } from '../job-catalogue.js';
import { CLAIM_WAIT_MAX_SECONDS, COUNT_MAX, PROMPT_MAX_CHARACTERS, SEED_MAX } from '../limits.js';
import { OrNull } from './or-null.js';
import { StorableText } from './storable-text.js';

const CALLBACK_STATUSES = ['processing', 'completed', 'failed'] as const;
const PROGRESS_STAGES = ['loading', 'generating', 'decoding', 'storing'] as const;
const UPLOAD_TYPES = ['image/png', 'video/mp4'] as const;
const MODEL_VARIANTS: readonly ModelVariant[] = ['lustify_sdxl', 'wan_2_1_1_3b'];

/** The body of `POST /api/worker/claim`. */
export class WorkerClaimRequest {
  /** Where to look for work. Of `wan_queue` a worker gets jobs that need no enhancement, or have it behind them. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @IsIn(QUEUE_NAMES, { each: true })
  queues!: QueueName[];

  /** The worker's name, which `JobStarted` keeps. */
  @Matches(/^[A-Za-z0-9_-]{1,64}$/)
  worker!: string;

  /** How long to wait for a job when there is none. */
  @IsInt()
  @Min(0)
  @Max(CLAIM_WAIT_MAX_SECONDS)
  wait_seconds: number = CLAIM_WAIT_MAX_SECONDS;
}

/** Where one output is to be sent. */
export class UploadSlot {
  /** Place of the output in its job, from 0. */
  @IsInt()
  @Min(0)
  index!: number;

  @IsInt()
  @Min(0)
  @Max(SEED_MAX)
  seed!: number;

  /** Signed, good for this output and this attempt only. */
  @IsUrl()
  url!: string;

  @Equals('PUT')
  method!: 'PUT';

  @IsIn(UPLOAD_TYPES)
  content_type!: (typeof UPLOAD_TYPES)[number];

  /** Most bytes of the file. */
  @IsInt()
  @IsPositive()
  max_bytes!: number;

  /** Names the output in the callback. */
  @IsString()
  key!: string;
}

/** The answer to a claim: the reference's job payload, and what is needed to deliver. */
export class ClaimedJob {
  @IsUUID()
  id!: string;

  @IsIn(JOB_TYPES)
  type!: JobType;

  /** The enhanced one where there is one. */
  @IsString()
  prompt!: string;

  @ValidateNested()
  @Type(() => EngineConfig)
  config!: EngineConfig;

  @IsString()
  user_id!: string;

  @IsISO8601()
  created_at!: string;

  /** SDXL only. */
  @IsOptional()
  @IsString()
  negative_prompt?: string;

  @OrNull()
  @IsUUID()
  video_id!: string | null;

  @OrNull()
  @IsUUID()
  image_id!: string | null;

  @OrNull()
  @IsUUID()
  character_id!: string | null;

  @IsIn(MODEL_VARIANTS)
  model_variant!: ModelVariant;

  @IsString()
  bucket!: string;

  /** As answers about the job carry it: `num_images` and `seeds` among others. */
  @IsObject()
  metadata!: Record<string, unknown>;

  /** From 1; goes back with each callback, and fences off whoever had the job before. */
  @IsInt()
  @IsPositive()
  attempt!: number;

  /** Silent for longer, the worker loses the job to another one. */
  @IsNumber()
  @IsPositive()
  lease_seconds!: number;

  /** The outputs that are still missing. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => UploadSlot)
  uploads!: UploadSlot[];
}

export class CallbackProgress {
  @IsNumber()
  @Min(0)
  @Max(100)
  percent!: number;

  @IsOptional()
  @IsIn(PROGRESS_STAGES)
  stage?: (typeof PROGRESS_STAGES)[number];

  @IsOptional()
  @IsInt()
  @Min(0)
  step?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  steps?: number;
}

/** The body of `POST /api/job-callback`. */
export class JobCallbackRequest {
  @IsString()
  job_id!: string;

  @IsIn(CALLBACK_STATUSES)
  status!: (typeof CALLBACK_STATUSES)[number];

  /** With `completed`: the outputs, each by its `key` or its `index`. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(COUNT_MAX)
  assets?: (string | number)[];

  /** With `failed`: why, for the one who asked for the job. */
  @IsOptional()
  @IsString()
  error_message?: string;

  /** The prompt that the worker made of the job's, where it did. */
  @IsOptional()
  @IsString()
  @MaxLength(PROMPT_MAX_CHARACTERS)
  @StorableText()
  enhancedPrompt?: string;

  /** As the claim said it. Without it the current attempt is meant. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  attempt?: number;

  /** With `processing`. */
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => CallbackProgress)
  progress?: CallbackProgress;
}

export class JobCallbackAnswer {
  @Equals(true)
  success!: true;

  @IsString()
  message!: string;
}

/** What was stored under the key. It may differ from what was sent: files are marked, and the first one stays. */
export class UploadAnswer {
  @Equals(true)
  success!: true;

  @IsInt()
  @Min(0)
  index!: number;

  @IsString()
  key!: string;

  @IsInt()
  @IsPositive()
  bytes!: number;

  /** Lower-case hex. */
  @Matches(/^[0-9a-f]{64}$/)
  sha256!: string;
}
