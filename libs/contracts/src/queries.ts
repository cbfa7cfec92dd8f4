/** What the gateway asks the jobs service, by request/reply. */
import type { Job, JobStatus } from './domain/job.js';
import type { StoredAsset } from './events/stored-asset.js';
import type { Format, JobType } from './job-catalogue.js';

export interface ListedAsset extends StoredAsset {
  readonly jobId: string;
  readonly jobType: JobType;
  readonly accountKey: string;
}

interface Page {
  readonly accountKey: string;
  /** Opaque; from the page before. */
  readonly cursor?: string;
  readonly limit: number;
}

/** Each query by name: what is asked and what is answered. Lists are newest first. */
export interface Queries {
  'jobs.list': {
    request: Page & { readonly status?: JobStatus; readonly jobType?: JobType };
    answer: { readonly jobs: readonly Job[]; readonly nextCursor: string | null };
  };
  'jobs.get': { request: { readonly jobId: string }; answer: { readonly job: Job | null } };
  /** Unfinished jobs of one account. */
  'jobs.open': {
    request: { readonly accountKey: string };
    answer: { readonly waiting: number; readonly processing: number };
  };
  'assets.list': {
    request: Page & { readonly jobId?: string; readonly type?: Format; readonly from?: string; readonly to?: string };
    answer: { readonly assets: readonly ListedAsset[]; readonly nextCursor: string | null };
  };
}

export type QueryName = keyof Queries;

/** Why a query has no answer. `invalid_cursor` is the asker's, `unavailable` passes. */
export type QueryError = 'invalid_cursor' | 'unavailable' | 'internal';

export type QueryReply<N extends QueryName> =
  | { readonly ok: true; readonly answer: Queries[N]['answer'] }
  | { readonly ok: false; readonly error: QueryError; readonly message: string };
