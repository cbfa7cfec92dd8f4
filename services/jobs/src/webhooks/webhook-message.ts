/** What receivers are told about a job. Pure. */
import { type Job, liveAssets } from '#contracts/domain/job.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import type { WebhookAsset, WebhookJob, WebhookJobMessage, WebhookTestMessage } from '#contracts/http/webhooks.js';
import { WEBHOOK_TEST, type WebhookTopic } from '#contracts/webhook-topics.js';

/** The status that a job has right after the event of a topic. */
const STATUS_OF: Readonly<Record<WebhookTopic, Job['status']>> = {
  'job.started': 'processing',
  'job.completed': 'completed',
  'job.failed': 'failed',
  'job.cancelled': 'cancelled',
};

/** Undefined when the job is not what the topic says: its event came after the job's end and changed nothing. */
export function jobMessage(
  type: WebhookTopic,
  timestamp: string,
  job: Job,
  publicUrl: string,
): WebhookJobMessage | undefined {
  if (job.status !== STATUS_OF[type]) return undefined;
  return { type, timestamp, data: webhookJob(job, publicUrl) };
}

export function testMessage(timestamp: string, webhookId: string): WebhookTestMessage {
  return { type: WEBHOOK_TEST, timestamp, data: { webhook_id: webhookId } };
}

function webhookJob(job: Job, publicUrl: string): WebhookJob {
  const { requested } = job;
  return {
    id: requested.jobId,
    user_id: requested.userId,
    job_type: requested.jobType,
    status: job.status,
    metadata: requested.clientMetadata,
    project_id: requested.projectId ?? null,
    image_id: requested.imageId ?? null,
    video_id: requested.videoId ?? null,
    character_id: requested.characterId ?? null,
    error_message: job.status === 'failed' ? job.failed.message : null,
    error_code: job.status === 'failed' ? job.failed.code : null,
    created_at: job.requestedAt,
    started_at: job.startedAt ?? null,
    completed_at: 'endedAt' in job ? job.endedAt : null,
    assets: liveAssets(job).map(webhookAsset),
    urls: { self: `${publicUrl}/api/jobs/${requested.jobId}` },
  };
}

function webhookAsset(asset: StoredAsset): WebhookAsset {
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
