/** What an outside worker is told about the job that it got: the reference's job payload. Pure. */
import { type ProcessingJob, promptOf } from '#contracts/domain/job.js';
import { missingOutputs } from '#contracts/domain/outside-work.js';
import type { ClaimedJob, UploadSlot } from '#contracts/http/outside-workers.js';
import { assetKey } from '#contracts/ids.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { metadataOf } from '../jobs/job-metadata.js';

export interface WorkOrderParts {
  readonly job: ProcessingJob;
  readonly leaseMs: number;
  /** The signed address to which a file of this attempt may be sent. */
  readonly uploadUrl: (upload: { key: string; attempt: number; maxBytes: number; mediaType: string }) => string;
}

export function workOrder(parts: WorkOrderParts): ClaimedJob {
  const { job, leaseMs } = parts;
  const { requested } = job;
  const { modelVariant } = JOB_CATALOGUE[requested.jobType];
  return {
    id: requested.jobId,
    type: requested.jobType,
    prompt: promptOf(job),
    config: requested.config,
    user_id: requested.userId,
    created_at: job.requestedAt,
    negative_prompt: requested.negativePrompt?.text,
    video_id: requested.videoId ?? null,
    image_id: requested.imageId ?? null,
    character_id: requested.characterId ?? null,
    model_variant: modelVariant,
    bucket: requested.bucket,
    metadata: { ...metadataOf(job, []), queue_timestamp: job.requestedAt },
    attempt: job.started.attempt,
    lease_seconds: leaseMs / 1_000,
    uploads: missingOutputs(job).map(({ index }) => uploadSlot(index, parts)),
  };
}

function uploadSlot(index: number, { job, uploadUrl }: WorkOrderParts): UploadSlot {
  const { bucket, accountKey, jobId, jobType, seeds, config } = job.requested;
  const { mediaType, bucketLimitBytes: maxBytes } = JOB_CATALOGUE[jobType];
  const key = assetKey({ bucket, accountKey, jobId, index, extension: config.file_extension });
  const url = uploadUrl({ key, attempt: job.started.attempt, maxBytes, mediaType });
  const seed = seeds[index] ?? 0;
  return { index, seed, url, method: 'PUT', content_type: mediaType, max_bytes: maxBytes, key };
}
