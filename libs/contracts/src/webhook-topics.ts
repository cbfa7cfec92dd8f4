/** What can be announced to a webhook. A topic exists if it stands here. */

/** Each topic with the event of the job that it announces. */
export const WEBHOOK_TOPICS = {
  'job.started': 'JobStarted',
  'job.completed': 'JobCompleted',
  'job.failed': 'JobFailed',
  'job.cancelled': 'JobCancelled',
} as const;

export type WebhookTopic = keyof typeof WEBHOOK_TOPICS;
export const WEBHOOK_TOPIC_NAMES = Object.keys(WEBHOOK_TOPICS) as readonly WebhookTopic[];

/** For those who name none: the three ways in which a job ends. */
export const DEFAULT_WEBHOOK_TOPICS: readonly WebhookTopic[] = ['job.completed', 'job.failed', 'job.cancelled'];

/** Sent when its owner asks for it; not to be subscribed to. */
export const WEBHOOK_TEST = 'webhook.test';
export type WebhookMessageType = WebhookTopic | typeof WEBHOOK_TEST;
export const WEBHOOK_MESSAGE_TYPES: readonly WebhookMessageType[] = [...WEBHOOK_TOPIC_NAMES, WEBHOOK_TEST];
