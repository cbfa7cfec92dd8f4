/** What the API answers, in the reference's field names. Times are ISO 8601. */
import type { JobStatus } from '../domain/job.js';
import type { Format, JobType, ModelVariant, Quality, QueueName } from '../job-catalogue.js';

export interface ProgressView {
  readonly percent: number;
  readonly stage: string;
  readonly step: number;
  readonly steps: number;
}

export interface JobUrls {
  readonly self: string;
  readonly events: string;
  readonly cancel: string;
}

export interface JobView {
  readonly id: string;
  readonly user_id: string;
  readonly job_type: JobType;
  readonly format: Format;
  readonly quality: Quality;
  readonly model_type: JobType;
  readonly status: JobStatus;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly project_id: string | null;
  readonly image_id: string | null;
  readonly video_id: string | null;
  readonly character_id: string | null;
  readonly error_message: string | null;
  readonly error_code: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly progress: ProgressView;
  readonly queuePosition: number | null;
  /** Seconds until it should be done, null when it has ended. */
  readonly estimatedSeconds: number | null;
  readonly urls: JobUrls;
}

export interface QueueJobAnswer {
  readonly success: true;
  readonly job: JobView;
  readonly message: string;
  readonly queueLength: number;
  readonly modelVariant: ModelVariant;
  readonly jobType: JobType;
  readonly queue: QueueName;
  readonly isSDXL: boolean;
  readonly negativePromptSupported: boolean;
  readonly queuePosition: number;
  readonly estimatedSeconds: number;
  readonly urls: JobUrls;
}

export interface AssetView {
  readonly id: string;
  readonly job_id: string;
  readonly job_type: JobType;
  readonly index: number;
  readonly media_type: string;
  readonly width: number;
  readonly height: number;
  readonly duration_s: number | null;
  readonly bytes: number;
  readonly sha256: string;
  readonly seed: number;
  readonly favorite: boolean;
  /** Signed; ends at `url_expires_at`. */
  readonly url: string;
  readonly url_expires_at: string;
  readonly preview_url: string | null;
  readonly created_at: string;
}

export interface QueueView {
  readonly waiting: number;
  readonly processing: number;
  /** Workers that ask for jobs of this queue now. */
  readonly workers: number;
  readonly averageSeconds: number;
  readonly estimatedWaitSeconds: number;
}

export interface QueueStatusAnswer {
  readonly queueDepth: number;
  readonly queues: Readonly<Record<QueueName, QueueView>>;
  /** The caller's own jobs; null while they cannot be counted. */
  readonly mine: { readonly waiting: number; readonly processing: number } | null;
}
