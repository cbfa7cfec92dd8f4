/** The events of a job as its owner sees them: no other user, no names of machines, no paths of files. Pure. */

import { unreachable } from '#contracts/domain/job.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import type { JobFailureCode } from '#contracts/http/error-codes.js';
import type { Cause, JobHistoryEntry } from '#contracts/http/job-history.js';

/** Nobody but the platform itself ends a job with these. */
const PLATFORM_FAILURES: readonly string[] = [
  'generation_timeout',
  'worker_lost',
  'max_deliveries',
  'rejected',
] satisfies JobFailureCode[];

/** `owner` is the user whose job it is. */
export function historyEntry(event: JobHistoryEvent, owner: string): JobHistoryEntry {
  const { sequence, type, time } = event;
  const attempt = 'attempt' in event.data ? { attempt: event.data.attempt } : {};
  return { sequence, type, time, by: causeOf(event, owner), ...attempt, data: summaryOf(event) };
}

function causeOf(event: JobHistoryEvent, owner: string): Cause {
  const person = (userId: string): Cause => (userId === owner ? 'user' : 'operator');
  switch (event.type) {
    case 'JobRequested':
      return 'user';
    case 'PromptEnhanced':
      return 'enhancer';
    case 'JobStarted':
    case 'AssetStored':
    case 'JobCompleted':
      return 'worker';
    case 'JobFailed':
      return PLATFORM_FAILURES.includes(event.data.code) ? 'platform' : 'worker';
    case 'JobCancelled':
      return person(event.data.cancelledBy);
    case 'AssetFavorited':
      return person(event.data.favoritedBy);
    case 'AssetDeleted':
      return person(event.data.deletedBy);
    default:
      return unreachable(event);
  }
}

function summaryOf(event: JobHistoryEvent): Record<string, unknown> {
  switch (event.type) {
    case 'JobRequested':
      return requestOf(event.data);
    case 'PromptEnhanced':
      return { enhanced_prompt: event.data.enhanced?.text ?? null, skipped: event.data.skipped ?? null };
    case 'JobStarted':
      return { engine: event.data.engine };
    case 'AssetStored':
      return { asset_ids: idsOf(event.data.assets) };
    case 'JobCompleted':
      return {
        asset_ids: idsOf(event.data.assets),
        missing: event.data.missing.map(({ index }) => index),
        timings: event.data.timings,
        engine: event.data.engine,
      };
    case 'JobFailed':
      return { error_code: event.data.code, error_message: event.data.message, retryable: event.data.retryable };
    case 'JobCancelled':
      return {};
    case 'AssetFavorited':
      return { asset_id: event.data.assetId, favorite: event.data.favorite };
    case 'AssetDeleted':
      return { asset_id: event.data.assetId };
    default:
      return unreachable(event);
  }
}

function requestOf({ jobType, prompt, negativePrompt, seeds, credits, projectId }: JobRequested) {
  return {
    job_type: jobType,
    prompt: prompt.text,
    ...(negativePrompt ? { negative_prompt: negativePrompt.text } : {}),
    seeds,
    credits,
    project_id: projectId ?? null,
  };
}

function idsOf(assets: readonly StoredAsset[]): string[] {
  return assets.map(({ id }) => id);
}
