/** What the API answers about jobs, assets and queues, in the reference's field names. Times are ISO 8601. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  Equals,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsOptional,
  IsPositive,
  IsString,
  IsUrl,
  IsUUID,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { ENHANCEMENT_SKIPS, EngineIdentityData, type EnhancementSkip } from '../events/job-events.js';
import {
  type Format,
  JOB_TYPES,
  type JobType,
  type ModelVariant,
  QUEUE_NAMES,
  type Quality,
  type QueueName,
} from '../job-catalogue.js';
import { CursorPage } from './cursor-page.js';
import { JobFacts, OutputFacts } from './job-facts.js';
import { OrNull } from './or-null.js';

const FORMATS: readonly Format[] = ['image', 'video'];
const QUALITIES: readonly Quality[] = ['fast', 'high'];
const MODEL_VARIANTS: readonly ModelVariant[] = ['lustify_sdxl', 'wan_2_1_1_3b'];

export class ProgressView {
  /** 0 to 100 over the whole job; never falls within an attempt. */
  @IsNumber()
  @Min(0)
  @Max(100)
  percent!: number;

  @IsString()
  stage!: string;

  @IsInt()
  @Min(0)
  step!: number;

  @IsInt()
  @Min(0)
  steps!: number;
}

export class JobUrls {
  @IsUrl()
  self!: string;

  /** Server-sent events of the job. */
  @IsUrl()
  events!: string;

  @IsUrl()
  cancel!: string;
}

export class PartialResult {
  /** The outputs that could not be made. */
  @IsInt({ each: true })
  missing!: number[];
}

/** `metadata` of a job. Keys of the client's own stand beside these, as they came. */
export class JobMetadata {
  /** The prompt that was used: the project's, or the client's. */
  @IsString()
  prompt!: string;

  /** SDXL only. */
  @IsOptional()
  @IsString()
  negative_prompt?: string;

  /** Seed of the first output. */
  @IsInt()
  @Min(0)
  seed!: number;

  /** One seed for each output, in index order. */
  @IsInt({ each: true })
  seeds!: readonly number[];

  /** Outputs asked for; SDXL only. */
  @IsOptional()
  @IsInt()
  count?: number;

  /** What the job costs. */
  @IsInt()
  @IsPositive()
  credits!: number;

  @IsString()
  bucket!: string;

  @IsIn(MODEL_VARIANTS)
  model_variant!: ModelVariant;

  @IsIn(QUEUE_NAMES)
  queue!: QueueName;

  @Equals(true)
  dual_worker_routing!: true;

  @IsBoolean()
  negative_prompt_supported!: boolean;

  @IsISO8601()
  created_timestamp!: string;

  @IsInt()
  @IsPositive()
  num_images!: number;

  /** Who makes it, or made it; null while nobody has begun. `preview` makes stand-ins, and says so here. */
  @OrNull()
  @ValidateNested()
  @Type(() => EngineIdentityData)
  engine!: EngineIdentityData | null;

  /** Signed address of the first output, null while there is none. */
  @OrNull()
  @IsUrl()
  primary_asset!: string | null;

  /** Freshly signed addresses in index order; fills while the job runs. */
  @IsUrl({}, { each: true })
  all_assets!: readonly string[];

  @IsOptional()
  @IsString()
  enhanced_prompt?: string;

  /** Why there is no enhanced prompt and `prompt` itself is used; only for types that have their prompt enhanced. */
  @IsOptional()
  @IsIn(ENHANCEMENT_SKIPS)
  enhancement_skipped?: EnhancementSkip;

  /** Present when some outputs of a batch could not be made. */
  @IsOptional()
  @ValidateNested()
  @Type(() => PartialResult)
  partial?: PartialResult;
}

export class JobView extends JobFacts {
  @IsIn(FORMATS)
  format!: Format;

  @IsIn(QUALITIES)
  quality!: Quality;

  @IsIn(JOB_TYPES)
  model_type!: JobType;

  @ValidateNested()
  @Type(() => JobMetadata)
  metadata!: JobMetadata & Readonly<Record<string, unknown>>;

  @ValidateNested()
  @Type(() => ProgressView)
  progress!: ProgressView;

  /** 1 is next; null when the job does not wait. */
  @OrNull()
  @IsInt()
  @IsPositive()
  queuePosition!: number | null;

  /** Seconds until it should be done, null when it has ended. */
  @OrNull()
  @IsInt()
  @IsPositive()
  estimatedSeconds!: number | null;

  @ValidateNested()
  @Type(() => JobUrls)
  urls!: JobUrls;
}

/** The answer to `POST /api/queue-job`. */
export class QueueJobAnswer {
  @Equals(true)
  success!: true;

  @ValidateNested()
  @Type(() => JobView)
  job!: JobView;

  @IsString()
  message!: string;

  /** Jobs of the queue that are not finished, this one included. */
  @IsInt()
  @IsPositive()
  queueLength!: number;

  @IsIn(MODEL_VARIANTS)
  modelVariant!: ModelVariant;

  @IsIn(JOB_TYPES)
  jobType!: JobType;

  @IsIn(QUEUE_NAMES)
  queue!: QueueName;

  @IsBoolean()
  isSDXL!: boolean;

  @IsBoolean()
  negativePromptSupported!: boolean;

  @IsInt()
  @IsPositive()
  queuePosition!: number;

  @IsInt()
  @IsPositive()
  estimatedSeconds!: number;

  @ValidateNested()
  @Type(() => JobUrls)
  urls!: JobUrls;
}

/** A page of jobs, newest first. */
export class JobsPage extends CursorPage {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => JobView)
  jobs!: readonly JobView[];
}

export class AssetView extends OutputFacts {
  @IsUUID()
  job_id!: string;

  @IsIn(JOB_TYPES)
  job_type!: JobType;

  @IsBoolean()
  favorite!: boolean;

  /** Signed; good until `url_expires_at`. */
  @IsUrl()
  url!: string;

  @IsISO8601()
  url_expires_at!: string;

  /** A small picture for lists, signed like `url`; null where there is none. */
  @OrNull()
  @IsUrl()
  preview_url!: string | null;

  @IsISO8601()
  created_at!: string;
}

/** A page of assets, newest first. */
export class AssetsPage extends CursorPage {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => AssetView)
  assets!: readonly AssetView[];
}

export class QueueView {
  @IsInt()
  @Min(0)
  waiting!: number;

  @IsInt()
  @Min(0)
  processing!: number;

  /** Workers that ask for jobs of this queue now. */
  @IsInt()
  @Min(0)
  workers!: number;

  /** How long a job takes once it is started. */
  @IsNumber()
  @Min(0)
  averageSeconds!: number;

  /** Until a job that is queued now should start. */
  @IsNumber()
  @Min(0)
  estimatedWaitSeconds!: number;
}

export class QueueViews implements Record<QueueName, QueueView> {
  @ValidateNested()
  @Type(() => QueueView)
  sdxl_queue!: QueueView;

  @ValidateNested()
  @Type(() => QueueView)
  wan_queue!: QueueView;
}

export class OwnJobs {
  @IsInt()
  @Min(0)
  waiting!: number;

  @IsInt()
  @Min(0)
  processing!: number;
}

export class QueueStatusAnswer {
  /** Jobs of both queues that are not finished. */
  @IsInt()
  @Min(0)
  queueDepth!: number;

  @ValidateNested()
  @Type(() => QueueViews)
  queues!: QueueViews;

  /** The caller's own jobs; null while they cannot be counted. */
  @OrNull()
  @ValidateNested()
  @Type(() => OwnJobs)
  mine!: OwnJobs | null;
}

/** One job type as the catalogue has it. */
export class JobTypeView {
  @IsIn(JOB_TYPES)
  jobType!: JobType;

  @IsIn(FORMATS)
  format!: Format;

  @IsIn(QUALITIES)
  quality!: Quality;

  /** The reference's word for the quality of the output. */
  @IsString()
  qualityWord!: string;

  @IsIn(MODEL_VARIANTS)
  modelVariant!: ModelVariant;

  @IsIn(QUEUE_NAMES)
  queue!: QueueName;

  @IsBoolean()
  isSDXL!: boolean;

  /** Whether the prompt is enhanced before the output is made. */
  @IsBoolean()
  enhanced!: boolean;

  @IsBoolean()
  negativePromptSupported!: boolean;

  /** Outputs that one job makes unless the client asks for fewer. */
  @IsInt()
  @IsPositive()
  outputs!: number;

  @IsInt()
  @IsPositive()
  maxOutputs!: number;

  @IsString()
  mediaType!: string;

  /** Pixels. */
  @IsInt()
  @IsPositive()
  width!: number;

  /** Pixels. */
  @IsInt()
  @IsPositive()
  height!: number;

  /** Seconds of video, null for pictures. */
  @OrNull()
  @IsNumber()
  durationSeconds!: number | null;

  /** Seconds that the reference measured for a whole job. */
  @IsNumber()
  referenceSeconds!: number;

  @IsString()
  bucket!: string;

  /** Most bytes of one output. */
  @IsInt()
  @IsPositive()
  bucketLimitBytes!: number;

  @IsInt()
  @IsPositive()
  credits!: number;

  /** Whether there are workers for it here. */
  @IsBoolean()
  available!: boolean;
}

export class JobTypesAnswer {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => JobTypeView)
  jobTypes!: readonly JobTypeView[];
}
