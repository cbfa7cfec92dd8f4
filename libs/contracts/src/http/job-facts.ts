/** What answers and webhooks both tell of a job and of its outputs, in the reference's field names. */
import { IsIn, IsInt, IsISO8601, IsNumber, IsPositive, IsString, IsUUID, Matches, Min } from 'class-validator';
import { JOB_STATUSES, type Job, type JobStatus } from '../domain/job.js';
import type { StoredAsset } from '../events/stored-asset.js';
import { JOB_TYPES, type JobType } from '../job-catalogue.js';
import { OrNull } from './or-null.js';

/** A job. Times are ISO 8601. */
export abstract class JobFacts {
  @IsUUID()
  id!: string;

  @IsString()
  user_id!: string;

  @IsIn(JOB_TYPES)
  job_type!: JobType;

  @IsIn(JOB_STATUSES)
  status!: JobStatus;

  @OrNull()
  @IsUUID()
  project_id!: string | null;

  @OrNull()
  @IsUUID()
  image_id!: string | null;

  @OrNull()
  @IsUUID()
  video_id!: string | null;

  @OrNull()
  @IsUUID()
  character_id!: string | null;

  @OrNull()
  @IsString()
  error_message!: string | null;

  /** Why the job failed, for programs. */
  @OrNull()
  @IsString()
  error_code!: string | null;

  @IsISO8601()
  created_at!: string;

  @OrNull()
  @IsISO8601()
  started_at!: string | null;

  @OrNull()
  @IsISO8601()
  completed_at!: string | null;
}

/** A picture or a video. */
export class OutputFacts {
  /** For `GET /api/assets/{id}`. */
  @IsUUID()
  id!: string;

  /** Place of the output in its job, from 0. */
  @IsInt()
  @Min(0)
  index!: number;

  @IsString()
  media_type!: string;

  /** Pixels. */
  @IsInt()
  @IsPositive()
  width!: number;

  /** Pixels. */
  @IsInt()
  @IsPositive()
  height!: number;

  /** Seconds, null for pictures. */
  @OrNull()
  @IsNumber()
  duration_s!: number | null;

  @IsInt()
  @IsPositive()
  bytes!: number;

  /** Of the file, lower-case hex. */
  @Matches(/^[0-9a-f]{64}$/)
  sha256!: string;

  @IsInt()
  @Min(0)
  seed!: number;
}

export function jobFactsOf(job: Job): JobFacts {
  const { requested } = job;
  const failed = job.status === 'failed' ? job.failed : undefined;
  return {
    id: requested.jobId,
    user_id: requested.userId,
    job_type: requested.jobType,
    status: job.status,
    project_id: requested.projectId ?? null,
    image_id: requested.imageId ?? null,
    video_id: requested.videoId ?? null,
    character_id: requested.characterId ?? null,
    error_message: failed?.message ?? null,
    error_code: failed?.code ?? null,
    created_at: job.requestedAt,
    started_at: job.startedAt ?? null,
    completed_at: 'endedAt' in job ? job.endedAt : null,
  };
}

export function outputFactsOf(asset: StoredAsset): OutputFacts {
  return {
    id: asset.id,
    index: asset.index,
    media_type: asset.mediaType,
    width: asset.width,
    height: asset.height,
    duration_s: asset.durationSeconds ?? null,
    bytes: asset.bytes,
    sha256: asset.sha256,
    seed: asset.seed,
  };
}
