/** Jobs that workers outside the platform make: whose word about a job counts, and what it comes to. Pure. */
import type { EngineIdentityData, MissingOutput } from '../events/job-events.js';
import type { StoredAsset } from '../events/stored-asset.js';
import type { JobFailureCode } from '../http/error-codes.js';
import { JOB_CATALOGUE } from '../job-catalogue.js';
import { isEnded, type Job } from './job.js';
import {
  completeJob,
  type Decision,
  type Failure,
  failJob,
  type Refusal,
  storeAsset,
  takeUpJob,
} from './job-decisions.js';

/** The name of the engine in an attempt of theirs. What they really run is not known. */
const OUTSIDE_ENGINE = 'outside';

function outsideIdentity({ requested }: Job): EngineIdentityData {
  const { modelVariant } = JOB_CATALOGUE[requested.jobType];
  return { engine: OUTSIDE_ENGINE, model: modelVariant, version: 'unknown', device: 'unknown' };
}

/** An outside worker takes a job up. */
export function claimJob(job: Job | undefined, worker: string): Decision {
  return job ? takeUpJob(job, { worker, engine: outsideIdentity(job) }) : refuse('unknown_job');
}

/**
 * Why the word of an outside worker about this job does not count, or undefined when it does. Without an attempt the
 * current one is meant. A job that a worker of the platform makes is nobody else's to end.
 */
export function outsideRefusal(job: Job | undefined, attempt?: number): Refusal | undefined {
  if (!job) return 'unknown_job';
  if (!job.started) return 'not_claimed';
  if (attempt !== undefined && attempt !== job.started.attempt) return 'stale_attempt';
  if (job.started.engine.engine !== OUTSIDE_ENGINE) return 'not_claimed';
  return isEnded(job) ? 'already_ended' : undefined;
}

/** A file that was sent twice is told once. */
export function storeOutsideAsset(job: Job | undefined, attempt: number, asset: StoredAsset): Decision {
  const refusal = outsideRefusal(job, attempt) ?? (isTold(job, asset) ? 'unchanged' : undefined);
  return refusal ? refuse(refusal) : storeAsset(job, attempt, asset);
}

/** Whether a prompt that the worker enhanced can be told. The event of an enhanced type would start its work anew. */
export function takesEnhancedPrompt(job: Job, text: string): boolean {
  return !JOB_CATALOGUE[job.requested.jobType].isEnhanced && job.enhanced?.enhanced?.text !== text;
}

export function enhanceOutside(job: Job | undefined, attempt: number | undefined, text: string): Decision {
  const refusal = outsideRefusal(job, attempt);
  if (refusal || !job) return refuse(refusal ?? 'unknown_job');
  if (!takesEnhancedPrompt(job, text)) return refuse('already_enhanced');
  const { jobId, prompt: original } = job.requested;
  const data = { jobId, original, enhanced: { text }, model: OUTSIDE_ENGINE, durationMs: 0 };
  return { decided: 'append', event: { type: 'PromptEnhanced', data } };
}

export interface OutsideCompletion {
  readonly attempt?: number;
  /** The outputs that the worker names, each by its key or its index. */
  readonly named: readonly (string | number)[];
  /** Now, in milliseconds since 1970. */
  readonly now: number;
  readonly urlOf: (key: string) => string;
}

/** Completes with all that was sent. Without a single name the job has failed, however the worker calls it. */
export function completeOutside(job: Job | undefined, completion: OutsideCompletion): Decision {
  const { attempt, named, now, urlOf } = completion;
  const refusal = outsideRefusal(job, attempt);
  if (refusal || job?.status !== 'processing') return refuse(refusal ?? 'not_claimed');
  if (named.length === 0) return failJob(job, WITHOUT_ASSETS, attempt);
  if (named.some((name) => !job.assets.some(({ key, index }) => key === name || index === name))) {
    return refuse('unknown_asset');
  }
  const [requestedAt, startedAt] = [Date.parse(job.requestedAt), Date.parse(job.startedAt)];
  const timings = {
    waitedMs: Math.max(0, startedAt - requestedAt),
    generatedMs: Math.max(0, now - startedAt),
    storedMs: 0,
  };
  const { attempt: current, engine } = job.started;
  return completeJob(job, { attempt: current, timings, engine, missing: missingOutputs(job), urlOf });
}

export function failOutside(job: Job | undefined, attempt: number | undefined, message: string): Decision {
  const refusal = outsideRefusal(job, attempt);
  if (refusal) return refuse(refusal);
  const code: JobFailureCode = 'engine_failed';
  return failJob(job, { code, message, retryable: true }, attempt);
}

/** The outputs that are not there yet. */
export function missingOutputs({ requested, assets }: Job): MissingOutput[] {
  const missing = requested.seeds.map((_, index) => ({ index, reason: 'the worker did not send it' }));
  return missing.filter(({ index }) => !assets.some((asset) => asset.index === index));
}

const WITHOUT_ASSETS: Failure & { code: JobFailureCode } = {
  code: 'completed_without_assets',
  message: 'The worker said that the job is completed and named no assets.',
  retryable: true,
};

function isTold(job: Job | undefined, { index, sha256 }: StoredAsset): boolean {
  return job?.assets.some((known) => known.index === index && known.sha256 === sha256) ?? false;
}

function refuse(reason: Refusal): Decision {
  return { decided: 'refuse', reason };
}
