/** What may happen to a job. Each decider looks at the job as it is and answers with an event or a refusal. */
import type {
  CompletedAsset,
  EngineIdentityData,
  JobCancelled,
  JobCompleted,
  JobFailed,
  JobRequested,
  JobTimings,
  MissingOutput,
  PromptEnhanced,
} from '../events/job-events.js';
import type { AssetEventData, JobEventData, Proposed } from '../events/registry.js';
import type { StoredAsset } from '../events/stored-asset.js';
import { MAX_DELIVERIES } from '../limits.js';
import { isEnded, isFavorite, type Job, liveAssets } from './job.js';

/** Why nothing happens. None of them is an error of the program. */
export type Refusal =
  | 'unknown_job'
  | 'already_exists'
  | 'already_ended'
  | 'already_enhanced'
  | 'stale_attempt'
  | 'not_claimed'
  | 'unknown_asset'
  | 'unchanged'
  | 'no_assets';

export type Decision<T extends keyof JobEventData | keyof AssetEventData = keyof JobEventData> =
  | { readonly decided: 'append'; readonly event: Proposed<T> }
  | { readonly decided: 'refuse'; readonly reason: Refusal };

export function requestJob(job: Job | undefined, request: JobRequested): Decision {
  return job ? refuse('already_exists') : append('JobRequested', request);
}

/** What became of a prompt: the enhanced one, or why the original is used. */
export type Enhancement = Pick<PromptEnhanced, 'enhanced' | 'skipped' | 'model' | 'durationMs'>;

/** A prompt is enhanced once, before anybody works with it: with this the job goes on to the worker that generates. */
export function enhancePrompt(job: Job | undefined, enhancement: Enhancement): Decision {
  const refusal = refusalFor(job);
  if (refusal || !job) return refuse(refusal ?? 'unknown_job');
  if (job.enhanced || job.started) return refuse('already_enhanced');
  const { jobId, prompt: original } = job.requested;
  return append('PromptEnhanced', { jobId, original, ...enhancement });
}

/** A worker takes the job: the next attempt, which fences off any earlier one. */
export function startJob(job: Job | undefined, by: { worker: string; engine: EngineIdentityData }): Decision {
  const refusal = refusalFor(job);
  if (refusal || !job) return refuse(refusal ?? 'unknown_job');
  const attempt = (job.started?.attempt ?? 0) + 1;
  return append('JobStarted', { jobId: job.requested.jobId, attempt, ...by });
}

/** As `startJob`; but a job whose workers died again and again is failed instead of tried for ever. */
export function takeUpJob(job: Job | undefined, by: { worker: string; engine: EngineIdentityData }): Decision {
  if (job?.status === 'processing' && job.started.attempt >= MAX_DELIVERIES) return failJob(job, WORN_OUT);
  return startJob(job, by);
}

const WORN_OUT: Failure = {
  code: 'worker_lost',
  message: `given up after ${MAX_DELIVERIES} attempts`,
  retryable: true,
};

export function storeAsset(job: Job | undefined, attempt: number, asset: StoredAsset): Decision {
  const refusal = refusalFor(job, attempt);
  if (refusal || !job) return refuse(refusal ?? 'unknown_job');
  const others = job.assets.filter((known) => known.index !== asset.index);
  const assets = [...others, asset].sort((a, b) => a.index - b.index);
  return append('AssetStored', { jobId: job.requested.jobId, attempt, assets });
}

export interface Completion {
  readonly attempt: number;
  readonly timings: JobTimings;
  readonly engine: EngineIdentityData;
  readonly missing: readonly MissingOutput[];
  /** Turns an asset's key into its canonical address. */
  readonly urlOf: (key: string) => string;
}

/** All outputs that can be made are stored. Without any, the job has failed instead: `no_assets`. */
export function completeJob(job: Job | undefined, completion: Completion): Decision {
  const refusal = refusalFor(job, completion.attempt);
  if (refusal || !job) return refuse(refusal ?? 'unknown_job');
  const assets: CompletedAsset[] = job.assets.map((asset) => ({ ...asset, url: completion.urlOf(asset.key) }));
  const [first] = assets;
  if (!first) return refuse('no_assets');
  const data: JobCompleted = {
    jobId: job.requested.jobId,
    attempt: completion.attempt,
    assets,
    primaryAsset: first.url,
    timings: completion.timings,
    engine: completion.engine,
    missing: [...completion.missing],
  };
  return append('JobCompleted', data);
}

export type Failure = Pick<JobFailed, 'code' | 'message' | 'retryable'>;

/** With an attempt only that attempt may fail the job; without one (deadlines, dead letters) the current one fails. */
export function failJob(job: Job | undefined, failure: Failure, attempt?: number): Decision {
  const refusal = refusalFor(job, attempt);
  if (refusal || !job) return refuse(refusal ?? 'unknown_job');
  const failed = job.started ? { attempt: job.started.attempt } : {};
  return append('JobFailed', { jobId: job.requested.jobId, ...failed, ...failure });
}

export function cancelJob(job: Job | undefined, cancelledBy: JobCancelled['cancelledBy']): Decision {
  const refusal = refusalFor(job);
  if (refusal || !job) return refuse(refusal ?? 'unknown_job');
  return append('JobCancelled', { jobId: job.requested.jobId, cancelledBy });
}

export function deleteAsset(job: Job | undefined, index: number, deletedBy: string): Decision<'AssetDeleted'> {
  if (!job) return { decided: 'refuse', reason: 'unknown_job' };
  const asset = liveAssets(job).find((candidate) => candidate.index === index);
  if (!asset) return { decided: 'refuse', reason: 'unknown_asset' };
  const data = { jobId: job.requested.jobId, assetId: asset.id, index, key: asset.key, deletedBy };
  return { decided: 'append', event: { type: 'AssetDeleted', data } };
}

/** `unchanged` when the asset is what it should become. */
export function favoriteAsset(
  job: Job | undefined,
  index: number,
  favorite: boolean,
  favoritedBy: string,
): Decision<'AssetFavorited'> {
  if (!job) return { decided: 'refuse', reason: 'unknown_job' };
  const asset = liveAssets(job).find((candidate) => candidate.index === index);
  if (!asset) return { decided: 'refuse', reason: 'unknown_asset' };
  if (isFavorite(job, index) === favorite) return { decided: 'refuse', reason: 'unchanged' };
  const data = { jobId: job.requested.jobId, assetId: asset.id, index, favorite, favoritedBy };
  return { decided: 'append', event: { type: 'AssetFavorited', data } };
}

function refusalFor(job: Job | undefined, attempt?: number): Refusal | undefined {
  if (!job) return 'unknown_job';
  if (isEnded(job)) return 'already_ended';
  if (attempt !== undefined && job.started?.attempt !== attempt) return 'stale_attempt';
  return undefined;
}

function append<T extends keyof JobEventData>(type: T, data: JobEventData[T]): Decision {
  return { decided: 'append', event: { type, data } as Proposed<keyof JobEventData> };
}

function refuse(reason: Refusal): Decision {
  return { decided: 'refuse', reason };
}
