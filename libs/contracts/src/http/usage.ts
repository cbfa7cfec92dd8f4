/** `GET /api/usage`: what each job cost, in the reference's field names. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  Equals,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  type Format,
  JOB_TYPES,
  type JobType,
  type ModelVariant,
  QUEUE_NAMES,
  type Quality,
  type QueueName,
} from '../job-catalogue.js';
import type { UsageStatus } from '../queries.js';
import { CursorPage } from './cursor-page.js';
import { PageQuery, RFC_3339 } from './list-queries.js';
import { OrNull } from './or-null.js';

const RFC_3339_WANTED = '$property must be a date or a date and time with a zone, as RFC 3339 has them';
const STATUSES: readonly UsageStatus[] = ['unreserved', 'reserved', 'charged', 'released'];

export class ListUsageQuery extends PageQuery {
  @IsOptional()
  @IsIn(JOB_TYPES)
  jobType?: JobType;

  /** The first moment; a date alone is its first one in UTC. */
  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(RFC_3339, { message: RFC_3339_WANTED })
  from?: string;

  /** The first moment that is not meant any more. */
  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(RFC_3339, { message: RFC_3339_WANTED })
  to?: string;
}

export class UsageMetadata {
  @IsUUID()
  job_id!: string;

  @OrNull()
  @IsUUID()
  project_id!: string | null;

  @OrNull()
  @IsUUID()
  image_id!: string | null;

  @OrNull()
  @IsUUID()
  video_id!: string | null;

  @IsIn(JOB_TYPES)
  model_type!: JobType;

  @IsIn(['lustify_sdxl', 'wan_2_1_1_3b'])
  model_variant!: ModelVariant;

  @IsIn(QUEUE_NAMES)
  queue!: QueueName;

  @Equals(true)
  dual_worker_routing!: true;

  @IsBoolean()
  negative_prompt_supported!: boolean;

  /** When the job was requested. */
  @IsISO8601()
  usage_timestamp!: string;

  /** `reserved` while the job is open, then `charged`, or `released` when all credits were given back. */
  @IsIn(STATUSES)
  status!: UsageStatus;

  /** When the credits were charged or given back; null before. */
  @OrNull()
  @IsISO8601()
  settled_timestamp!: string | null;
}

/** What one job cost. */
export class UsageView {
  @IsString()
  user_id!: string;

  /** The job type. */
  @IsIn(JOB_TYPES)
  action!: JobType;

  @IsIn(['image', 'video'])
  format!: Format;

  @IsIn(['fast', 'high'])
  quality!: Quality;

  /** Whole credits: what is reserved while the job is open, what was charged in the end; 0 when it was given back. */
  @IsInt()
  @Min(0)
  credits_consumed!: number;

  @ValidateNested()
  @Type(() => UsageMetadata)
  metadata!: UsageMetadata;

  @IsISO8601()
  created_at!: string;
}

/** A page of the usage log, newest first. */
export class UsagePage extends CursorPage {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => UsageView)
  usage!: readonly UsageView[];
}
