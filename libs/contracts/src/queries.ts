/** What the gateway asks the jobs service, by request/reply. */
import type { Job, JobStatus } from './domain/job.js';
import type { Project } from './domain/project.js';
import type { JobRequested } from './events/job-events.js';
import type { JobHistoryEvent, Recorded } from './events/registry.js';
import type { StoredAsset } from './events/stored-asset.js';
import type { JobReceipt, ReceiptKey } from './http/receipts.js';
import type { WebhookDeliveryView } from './http/webhooks.js';
import type { Format, JobType, QueueName } from './job-catalogue.js';

export interface ListedAsset extends StoredAsset {
  readonly jobId: string;
  readonly jobType: JobType;
  readonly accountKey: string;
  readonly favorite: boolean;
}

interface Page {
  readonly accountKey: string;
  /** Opaque; from the page before. */
  readonly cursor?: string;
  readonly limit: number;
}

export interface NamedMedia {
  readonly accountKey: string;
  readonly kind: Format;
  /** A client's `imageId` or `videoId`. */
  readonly id: string;
}

/** `unreserved`: made without credits, as before accounts were kept. */
export type UsageStatus = 'unreserved' | 'reserved' | 'charged' | 'released';

/** What one job cost. */
export interface Usage {
  readonly jobId: string;
  readonly accountKey: string;
  readonly request: Pick<JobRequested, 'userId' | 'jobType' | 'projectId' | 'imageId' | 'videoId'>;
  readonly requestedAt: string;
  readonly status: UsageStatus;
  /** Reserved while the job is open, then what was charged in the end. */
  readonly credits: number;
  readonly settledAt?: string;
}

/** What was measured lately; a job type that was not made is not in it. */
export interface RecentDurations {
  /** Seconds that a worker had a job, the median by job type. */
  readonly seconds: Readonly<Partial<Record<JobType, number>>>;
  readonly enhancementSeconds: number | null;
}

/** A queue at a moment of the past. */
export interface PastQueue {
  readonly waiting: number;
  readonly processing: number;
  /** Those that had a job: nobody remembers the idle ones. */
  readonly workers: number;
}

/** What the time of a job goes to. Enhancement is part of waiting. */
export const JOB_PHASES = ['waited', 'generated', 'stored'] as const;
export type JobPhase = (typeof JOB_PHASES)[number];

export const JOB_OUTCOMES = ['completed', 'failed', 'cancelled'] as const;
export type JobOutcome = (typeof JOB_OUTCOMES)[number];

/** Seconds of completed jobs. Median and 95th percentile come from a histogram and are within 5%. */
export interface MeasuredSeconds {
  readonly average: number;
  readonly median: number;
  readonly p95: number;
  readonly longest: number;
}

/** How the jobs ended that ended since a moment, and how long they took. */
export interface OperationsSummary {
  /** The beginning of the first hour, ISO 8601. */
  readonly since: string;
  /** `code` is empty unless they failed. */
  readonly outcomes: readonly {
    readonly jobType: JobType;
    readonly outcome: JobOutcome;
    readonly code: string;
    readonly jobs: number;
  }[];
  /** Without a job type: of all. */
  readonly durations: readonly {
    readonly jobType: JobType | null;
    readonly phase: JobPhase;
    readonly seconds: MeasuredSeconds;
  }[];
  /** Every hour from the first one to that which has begun, newest first. */
  readonly hours: readonly ({ readonly hour: string } & Readonly<Record<JobOutcome, number>>)[];
}

export const DEAD_LETTER_REASONS = ['max_deliveries', 'terminated'] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** What became of a dead letter: see `DeadLetterView`. */
export const DEAD_LETTER_OUTCOMES = [
  'job_failed',
  'enhancement_skipped',
  'ended_otherwise',
  'pending',
  'no_job',
] as const;
export type DeadLetterOutcome = (typeof DEAD_LETTER_OUTCOMES)[number];

/** A message of the job stream that no worker could deal with. */
export interface ListedDeadLetter {
  /** When the server gave it up, ISO 8601. */
  readonly at: string;
  readonly reason: DeadLetterReason;
  readonly consumer: string;
  /** Its place in the job stream. */
  readonly sequence: number;
  readonly deliveries: number;
  readonly detail?: string;
  readonly subject?: string;
  readonly jobId?: string;
  readonly jobStatus?: JobStatus;
  readonly outcome: DeadLetterOutcome;
}

export type ReceiptAnswer =
  | { readonly outcome: 'signed'; readonly receipt: JobReceipt }
  | { readonly outcome: 'not_ready' | 'off' };

/** Each query by name: what is asked and what is answered. Lists are newest first. */
export interface Queries {
  'jobs.list': {
    request: Page & { readonly status?: JobStatus; readonly jobType?: JobType; readonly projectId?: string };
    answer: { readonly jobs: readonly Job[]; readonly nextCursor: string | null };
  };
  'jobs.get': { request: { readonly jobId: string }; answer: { readonly job: Job | null } };
  /** Unfinished jobs of one account. */
  'jobs.open': {
    request: { readonly accountKey: string };
    answer: { readonly waiting: number; readonly processing: number };
  };
  /** The latest job of an account that named an image or a video. */
  'jobs.latest': { request: NamedMedia; answer: { readonly jobId: string | null } };
  /** What the log has of a job, oldest first. */
  'jobs.history': {
    request: { readonly jobId: string; readonly cursor?: string; readonly limit: number };
    answer: { readonly events: readonly JobHistoryEvent[]; readonly nextCursor: string | null };
  };
  /** Of an ended job. `not_ready`: it has not ended in the log, or its credits are not settled. */
  'jobs.receipt': { request: { readonly jobId: string }; answer: ReceiptAnswer };
  /** What receipts are checked with; null where none are signed. */
  'receipts.key': { request: Record<string, never>; answer: { readonly key: ReceiptKey | null } };
  /** A job as it was at a moment. */
  'jobs.past': { request: { readonly jobId: string; readonly at: string }; answer: { readonly job: Job | null } };
  /** The queues as they were at a moment, with how long jobs took in the hour before. */
  'queues.past': {
    request: { readonly accountKey: string; readonly at: string };
    answer: {
      readonly queues: Readonly<Record<QueueName, PastQueue>>;
      readonly mine: { readonly waiting: number; readonly processing: number };
      readonly durations: RecentDurations;
    };
  };
  'queue.durations': { request: Record<string, never>; answer: RecentDurations };
  'projects.list': {
    request: Page;
    answer: { readonly projects: readonly Project[]; readonly nextCursor: string | null };
  };
  /** Projects of one account that are not deleted. */
  'projects.count': { request: { readonly accountKey: string }; answer: { readonly count: number } };
  'assets.list': {
    request: Page & {
      readonly jobId?: string;
      readonly type?: Format;
      readonly favorite?: boolean;
      readonly projectId?: string;
      /** Each stands in the prompt or in the enhanced prompt, whatever its case. */
      readonly words?: readonly string[];
      readonly from?: string;
      readonly to?: string;
    };
    answer: { readonly assets: readonly ListedAsset[]; readonly nextCursor: string | null };
  };
  /** What was sent, or is to be, to one webhook. */
  'webhooks.deliveries': {
    request: Page & { readonly webhookId: string };
    answer: { readonly deliveries: readonly WebhookDeliveryView[]; readonly nextCursor: string | null };
  };
  /** The grant that an idempotency key stands for, for those that the stream does not find by sequence. */
  'credits.keyed-grant': {
    request: { readonly accountKey: string; readonly key: string };
    answer: { readonly grant: Recorded<'CreditsGranted'> | null };
  };
  'usage.list': {
    request: Page & { readonly jobType?: JobType; readonly from?: string; readonly to?: string };
    answer: { readonly usage: readonly Usage[]; readonly nextCursor: string | null };
  };
  /** Of all users. `hours`: whole ones, the one that has begun included. */
  'operations.summary': { request: { readonly hours: number }; answer: OperationsSummary };
  'dead-letters.list': {
    request: Omit<Page, 'accountKey'>;
    answer: { readonly letters: readonly ListedDeadLetter[]; readonly nextCursor: string | null };
  };
}

export type QueryName = keyof Queries;

/** Why a query has no answer. `invalid_cursor` is the asker's, `unavailable` passes. */
export type QueryError = 'invalid_cursor' | 'unavailable' | 'internal';

/** The reply to a query or a command. */
export type Reply<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly error: QueryError; readonly message: string };
