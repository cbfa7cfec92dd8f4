/** What operators see of the platform: its workers, how well it does, and what no worker could deal with. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { JOB_STATUSES, type JobStatus } from '../domain/job.js';
import { JOB_TYPES, type JobType, type QueueName } from '../job-catalogue.js';
import { SUMMARY_HOURS_DEFAULT, SUMMARY_HOURS_MAX } from '../limits.js';
import {
  DEAD_LETTER_OUTCOMES,
  DEAD_LETTER_REASONS,
  type DeadLetterOutcome,
  type DeadLetterReason,
} from '../queries.js';
import { ENGINES, type EngineName } from '../streams.js';
import { CursorPage } from './cursor-page.js';
import { OrNull } from './or-null.js';

const SHOWN_STATES = ['idle', 'busy', 'draining'] as const;

/** One worker process, or a worker outside the platform. */
export class WorkerView {
  @IsString()
  id!: string;

  @IsIn(ENGINES)
  engine!: EngineName;

  /** `draining`: it ends, and takes no more jobs. */
  @IsIn(SHOWN_STATES)
  state!: (typeof SHOWN_STATES)[number];

  /** The job in hand. */
  @OrNull()
  @IsUUID()
  job_id!: string | null;

  /** Null for outside workers, who do not say it. */
  @OrNull()
  @IsISO8601()
  started_at!: string | null;

  @IsISO8601()
  last_heard_at!: string;

  /** Whether it gets its jobs by `POST /api/worker/claim`. */
  @IsBoolean()
  outside!: boolean;
}

export class EngineWorkers {
  @IsInt()
  @Min(0)
  workers!: number;

  /** Those with a job in hand. */
  @IsInt()
  @Min(0)
  busy!: number;
}

export class EnginesWorkers implements Record<EngineName, EngineWorkers> {
  @ValidateNested()
  @Type(() => EngineWorkers)
  sdxl!: EngineWorkers;

  @ValidateNested()
  @Type(() => EngineWorkers)
  wan!: EngineWorkers;

  @ValidateNested()
  @Type(() => EngineWorkers)
  enhancer!: EngineWorkers;
}

export class WorkersAnswer {
  /** By engine, then by id. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => WorkerView)
  workers!: readonly WorkerView[];

  @ValidateNested()
  @Type(() => EnginesWorkers)
  engines!: EnginesWorkers;
}

export class MetricsSummaryQuery {
  /** Whole hours of UTC to look back over; the hour that has begun is one of them. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(SUMMARY_HOURS_MAX)
  hours: number = SUMMARY_HOURS_DEFAULT;
}

/** A figure beside its target. */
export class Measure {
  /** Null when nothing was measured. */
  @OrNull()
  @IsNumber()
  @Min(0)
  actual!: number | null;

  @IsNumber()
  @Min(0)
  target!: number;

  @OrNull()
  @IsBoolean()
  met!: boolean | null;
}

export class SummaryTargets {
  /** Completed jobs among those that completed or failed, 0 to 1; wanted above the target. */
  @ValidateNested()
  @Type(() => Measure)
  success_rate!: Measure;

  /** The longest wait, in seconds; wanted below the target. */
  @ValidateNested()
  @Type(() => Measure)
  queue_wait_seconds!: Measure;

  /** Jobs of all queues that are not finished now; wanted below the target. */
  @ValidateNested()
  @Type(() => Measure)
  queue_depth!: Measure;

  /** Milliseconds within which this gateway gave 95% of the API's answers since it was started; wanted below the target. */
  @ValidateNested()
  @Type(() => Measure)
  api_response_ms!: Measure;
}

/** How many jobs ended how. */
export class EndedJobs {
  @IsInt()
  @Min(0)
  completed!: number;

  @IsInt()
  @Min(0)
  failed!: number;

  @IsInt()
  @Min(0)
  cancelled!: number;
}

export class HourView extends EndedJobs {
  /** Its first moment. */
  @IsISO8601()
  hour!: string;
}

export class FailureCount {
  /** As the jobs have it. */
  @IsString()
  error_code!: string;

  @IsInt()
  @Min(1)
  jobs!: number;
}

/** Seconds of completed jobs. Average and longest are exact, median and 95th percentile within 5%. */
export class PhaseSeconds {
  @IsNumber()
  @Min(0)
  average!: number;

  @IsNumber()
  @Min(0)
  median!: number;

  @IsNumber()
  @Min(0)
  p95!: number;

  @IsNumber()
  @Min(0)
  longest!: number;
}

export class JobTypeSummary extends EndedJobs {
  @IsIn(JOB_TYPES)
  job_type!: JobType;

  /** 0 to 1; null when none completed or failed. */
  @OrNull()
  @IsNumber()
  @Min(0)
  @Max(1)
  success_rate!: number | null;

  /** From the request until the attempt that made it; enhancement is part of it. Null when none completed. */
  @OrNull()
  @ValidateNested()
  @Type(() => PhaseSeconds)
  waited!: PhaseSeconds | null;

  /** At the engine. */
  @OrNull()
  @ValidateNested()
  @Type(() => PhaseSeconds)
  generated!: PhaseSeconds | null;

  /** Checking, marking and storing the outputs. */
  @OrNull()
  @ValidateNested()
  @Type(() => PhaseSeconds)
  stored!: PhaseSeconds | null;

  /** Average of what was generated and stored, beside the reference's time, which is to be kept below. */
  @ValidateNested()
  @Type(() => Measure)
  made_seconds!: Measure;
}

export class QueueNow {
  @IsInt()
  @Min(0)
  waiting!: number;

  @IsInt()
  @Min(0)
  processing!: number;

  @IsInt()
  @Min(0)
  workers!: number;
}

export class QueuesNow implements Record<QueueName, QueueNow> {
  @ValidateNested()
  @Type(() => QueueNow)
  sdxl_queue!: QueueNow;

  @ValidateNested()
  @Type(() => QueueNow)
  wan_queue!: QueueNow;
}

export class MetricsSummary {
  /** The first moment that counts. */
  @IsISO8601()
  since!: string;

  @ValidateNested()
  @Type(() => SummaryTargets)
  targets!: SummaryTargets;

  @ValidateNested()
  @Type(() => EndedJobs)
  jobs!: EndedJobs;

  /** Most frequent first. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => FailureCount)
  failures!: readonly FailureCount[];

  /** How long completed jobs of all types waited; null when there are none. */
  @OrNull()
  @ValidateNested()
  @Type(() => PhaseSeconds)
  waited!: PhaseSeconds | null;

  /** All of them, in the order of the catalogue. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => JobTypeSummary)
  job_types!: readonly JobTypeSummary[];

  /** By the hour in which jobs ended, newest first. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => HourView)
  by_hour!: readonly HourView[];

  /** Now; null while the queues cannot be read. */
  @OrNull()
  @ValidateNested()
  @Type(() => QueuesNow)
  queues!: QueuesNow | null;
}

/** A message that no worker could deal with. */
export class DeadLetterView {
  /** When it was given up. */
  @IsISO8601()
  at!: string;

  /** `max_deliveries`: nobody finished it, however often it was given out. `terminated`: a worker rejected it. */
  @IsIn(DEAD_LETTER_REASONS)
  reason!: DeadLetterReason;

  /** Whose message it was, such as `sdxl-interactive`. */
  @IsString()
  consumer!: string;

  @IsInt()
  @Min(0)
  deliveries!: number;

  /** What the worker said. */
  @IsOptional()
  @IsString()
  detail?: string;

  /** Its place in the job stream. */
  @IsInt()
  @Min(1)
  sequence!: number;

  /** Null when the message is not in the stream any more. */
  @OrNull()
  @IsString()
  subject!: string | null;

  @OrNull()
  @IsUUID()
  job_id!: string | null;

  /** Null when the job is not known. */
  @OrNull()
  @IsIn(JOB_STATUSES)
  job_status!: JobStatus | null;

  /**
   * What became of it: its job failed by it (`job_failed`), went on with its own prompt (`enhancement_skipped`), had ended
   * or ended otherwise (`ended_otherwise`), is not dealt with yet (`pending`), or is not known (`no_job`).
   */
  @IsIn(DEAD_LETTER_OUTCOMES)
  outcome!: DeadLetterOutcome;
}

/** A page of dead letters, newest first. */
export class DeadLettersPage extends CursorPage {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => DeadLetterView)
  dead_letters!: readonly DeadLetterView[];
}
