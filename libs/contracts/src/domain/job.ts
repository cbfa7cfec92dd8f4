/** A job as its events tell it. Pure: time and ids come in with the events. */
import type {
  AssetFavorited,
  AssetStored,
  JobCancelled,
  JobCompleted,
  JobFailed,
  JobRequested,
  JobStarted,
  PromptEnhanced,
} from '../events/job-events.js';
import type { AssetEventData, JobHistoryEvent } from '../events/registry.js';
import type { StoredAsset } from '../events/stored-asset.js';

interface Told {
  readonly requested: JobRequested;
  readonly requestedAt: string;
  readonly enhanced?: PromptEnhanced;
  readonly started?: JobStarted;
  readonly startedAt?: string;
  /** All assets ever stored, in index order; deleted ones included. */
  readonly assets: readonly StoredAsset[];
  readonly deletedIndexes: readonly number[];
  /** Places of the assets that are favourites; left out when there are none. */
  readonly favoriteIndexes?: readonly number[];
  /** Stream sequence of the last event of the job itself, the one that the next append expects. */
  readonly sequence: number;
}

export interface QueuedJob extends Told {
  readonly status: 'queued';
}

export interface ProcessingJob extends Told {
  readonly status: 'processing';
  readonly started: JobStarted;
  readonly startedAt: string;
}

export interface CompletedJob extends Told {
  readonly status: 'completed';
  readonly completed: JobCompleted;
  readonly endedAt: string;
}

export interface FailedJob extends Told {
  readonly status: 'failed';
  readonly failed: JobFailed;
  readonly endedAt: string;
}

export interface CancelledJob extends Told {
  readonly status: 'cancelled';
  readonly cancelled: JobCancelled;
  readonly endedAt: string;
}

export type EndedJob = CompletedJob | FailedJob | CancelledJob;
export type Job = QueuedJob | ProcessingJob | EndedJob;
export type JobStatus = Job['status'];
export const JOB_STATUSES: readonly JobStatus[] = ['queued', 'processing', 'completed', 'failed', 'cancelled'];

export function isEnded(job: Job): job is EndedJob {
  return job.status === 'completed' || job.status === 'failed' || job.status === 'cancelled';
}

/** The prompt that outputs are made from: the enhanced one where there is one. */
export function promptOf({ requested, enhanced }: Job): string {
  return (enhanced?.enhanced ?? requested.prompt).text;
}

/** The job as it was when it was requested. */
export function asRequested({ requested, requestedAt, sequence }: Job): QueuedJob {
  return queuedJob(requested, requestedAt, sequence);
}

/** The assets that are still there, in index order. */
export function liveAssets(job: Job): readonly StoredAsset[] {
  return job.assets.filter((asset) => !job.deletedIndexes.includes(asset.index));
}

/** Whether the asset at a place is a favourite. */
export function isFavorite(job: Job, index: number): boolean {
  return job.favoriteIndexes?.includes(index) ?? false;
}

/** The job after one more event. Events come in stream order; those of an ended job change nothing but its assets. */
export function evolve(job: Job | undefined, event: JobHistoryEvent): Job | undefined {
  if (event.type === 'JobRequested') return job ?? queuedJob(event.data, event.time, event.sequence);
  if (job === undefined) return undefined;
  if (event.type === 'AssetDeleted') return withDeleted(job, event.data.index);
  if (event.type === 'AssetFavorited') return withFavorite(job, event.data);
  return isEnded(job) ? job : advance(job, event);
}

/** The job that a history tells, or undefined when it holds no request. */
export function foldJob(history: readonly JobHistoryEvent[]): Job | undefined {
  return [...history].sort(bySequence).reduce<Job | undefined>(evolve, undefined);
}

type Advance = Exclude<JobHistoryEvent, { type: 'JobRequested' | keyof AssetEventData }>;

function advance(job: QueuedJob | ProcessingJob, event: Advance): Job {
  const told = { ...job, sequence: event.sequence };
  switch (event.type) {
    case 'PromptEnhanced':
      return { ...told, enhanced: event.data };
    case 'JobStarted':
      return { ...told, status: 'processing', started: event.data, startedAt: event.time };
    case 'AssetStored':
      return { ...told, assets: mergeAssets(job.assets, event.data) };
    case 'JobCompleted':
      return { ...told, status: 'completed', completed: event.data, endedAt: event.time };
    case 'JobFailed':
      return { ...told, status: 'failed', failed: event.data, endedAt: event.time };
    case 'JobCancelled':
      return { ...told, status: 'cancelled', cancelled: event.data, endedAt: event.time };
    default:
      return unreachable(event);
  }
}

function queuedJob(data: JobRequested, time: string, sequence: number): QueuedJob {
  return { status: 'queued', requested: data, requestedAt: time, assets: [], deletedIndexes: [], sequence };
}

function mergeAssets(known: readonly StoredAsset[], event: AssetStored): StoredAsset[] {
  const byIndex = new Map([...known, ...event.assets].map((asset) => [asset.index, asset]));
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}

function withDeleted(job: Job, index: number): Job {
  if (job.deletedIndexes.includes(index)) return job;
  return { ...job, deletedIndexes: [...job.deletedIndexes, index] };
}

function withFavorite(job: Job, { index, favorite }: AssetFavorited): Job {
  if (isFavorite(job, index) === favorite) return job;
  const others = job.favoriteIndexes?.filter((other) => other !== index) ?? [];
  const indexes = favorite ? [...others, index].sort((a, b) => a - b) : others;
  // The same whichever events it was folded from: all of them, or the last one of each asset.
  return { ...job, favoriteIndexes: indexes.length > 0 ? indexes : undefined };
}

function bySequence(a: JobHistoryEvent, b: JobHistoryEvent): number {
  return a.sequence - b.sequence;
}

/** Makes the compiler prove that a switch is exhaustive. */
export function unreachable(value: never): never {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
}
