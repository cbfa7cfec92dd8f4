/** What receivers are told about a job. Pure. */
import { type Job, liveAssets } from '#contracts/domain/job.js';
import { jobFactsOf, outputFactsOf } from '#contracts/http/job-facts.js';
import type { WebhookJob, WebhookJobMessage, WebhookTestMessage } from '#contracts/http/webhooks.js';
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
  const { jobId, clientMetadata } = job.requested;
  return {
    ...jobFactsOf(job),
    metadata: clientMetadata,
    assets: liveAssets(job).map(outputFactsOf),
    urls: { self: `${publicUrl}/api/jobs/${jobId}` },
  };
}
