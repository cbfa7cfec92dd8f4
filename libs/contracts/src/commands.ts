/** What the gateway tells the jobs service to do, by request/reply. */
import type { Job, ProcessingJob } from './domain/job.js';
import type { Refusal } from './domain/job-decisions.js';
import type { StoredAsset } from './events/stored-asset.js';
import type { WebhookTestAnswer } from './http/webhooks.js';
import type { QueueName } from './job-catalogue.js';
import type { ProgressMessage } from './progress.js';

/** What an outside worker wants. */
export interface WorkerClaim {
  readonly queues: readonly QueueName[];
  readonly worker: string;
  readonly waitMs: number;
  /** What the canonical addresses of assets begin with, without a trailing slash. */
  readonly publicUrl: string;
}

/** What an outside worker says about a job. */
export interface WorkerWord {
  readonly jobId: string;
  /** The current one when absent. */
  readonly attempt?: number;
  readonly status: 'processing' | 'completed' | 'failed';
  /** Names of outputs, each its key or its index. */
  readonly assets: readonly (string | number)[];
  readonly errorMessage?: string;
  readonly enhancedPrompt?: string;
  readonly progress?: Pick<ProgressMessage, 'percent' | 'stage' | 'step' | 'steps'>;
  /** What the canonical addresses of assets begin with, without a trailing slash. */
  readonly publicUrl: string;
}

/** Whether the word counts, and the job after it, as far as there is one. */
export type WorkerWordAnswer =
  | { readonly accepted: true; readonly job: Job }
  | { readonly accepted: false; readonly reason: Refusal; readonly job: Job | null };

/** Each command by name: what is told and what is answered. */
export interface Commands {
  /** Waits for a job that an outside worker can make, and starts its attempt. `leaseMs`: how long it may be silent. */
  'worker.claim': {
    request: WorkerClaim;
    answer: { readonly job: ProcessingJob | null; readonly leaseMs: number };
  };
  /** A file of an outside worker is in the asset store. */
  'worker.asset': {
    request: { readonly jobId: string; readonly attempt: number; readonly asset: StoredAsset };
    answer: WorkerWordAnswer;
  };
  'worker.callback': { request: WorkerWord; answer: WorkerWordAnswer };
  /** Sends a test message to a webhook, unless one is on its way already. */
  'webhooks.test': {
    request: { readonly accountKey: string; readonly webhookId: string };
    answer: WebhookTestAnswer;
  };
}

export type CommandName = keyof Commands;

const COMMAND_NAMES: readonly string[] = [
  'worker.claim',
  'worker.asset',
  'worker.callback',
  'webhooks.test',
] satisfies CommandName[];

export function isCommand(name: string): name is CommandName {
  return COMMAND_NAMES.includes(name);
}
