import type { Job } from '#contracts/domain/job.js';
import { evolve } from '#contracts/domain/job.js';
import type { Decision } from '#contracts/domain/job-decisions.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import type { AssetEventData, JobEventData, JobHistoryEvent, Proposed } from '#contracts/events/registry.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { assetIdOf, newJobId } from '#contracts/ids.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';

export const ENGINE = { engine: 'preview', model: 'preview', version: '1', device: 'cpu' };
export const TIMINGS = { waitedMs: 1, generatedMs: 2, storedMs: 3 };
export const FAILURE = { code: 'engine_failed', message: 'no memory', retryable: true };
export const JOB_ID = newJobId();

export const REQUEST: JobRequested = {
  jobId: JOB_ID,
  userId: 'alice',
  accountKey: 'a'.repeat(32),
  jobType: 'sdxl_image_fast',
  lane: 'interactive',
  prompt: { text: 'a lighthouse at dawn' },
  negativePrompt: { text: 'fog' },
  config: JOB_CATALOGUE.sdxl_image_fast.config,
  seeds: [1, 2, 3, 4, 5, 6],
  bucket: 'sdxl_image_fast',
  credits: 1,
  clientMetadata: { note: 'mine' },
};

export function asset(index: number, over: Partial<StoredAsset> = {}): StoredAsset {
  return {
    id: assetIdOf(JOB_ID, index),
    index,
    key: `sdxl_image_fast/${REQUEST.accountKey}/${JOB_ID}/${index}.png`,
    bucket: 'sdxl_image_fast',
    bytes: 10,
    sha256: 'a'.repeat(64),
    mediaType: 'image/png',
    width: 1024,
    height: 1024,
    seed: index,
    storedAt: time(index + 1),
    ...over,
  };
}

export function time(sequence: number): string {
  return new Date(sequence * 1_000).toISOString();
}

type Decide = (job: Job | undefined) => Decision<keyof JobEventData | keyof AssetEventData>;

/** What is stored when the deciders are asked one after the other; refusals store nothing. */
export function historyOf(...deciders: Decide[]): { job: Job | undefined; events: JobHistoryEvent[] } {
  const events: JobHistoryEvent[] = [];
  let job: Job | undefined;
  for (const decide of deciders) {
    const decision = decide(job);
    if (decision.decided === 'refuse') continue;
    const event = recordedAs(decision.event, events.length + 1);
    events.push(event);
    job = evolve(job, event);
  }
  return { job, events };
}

function recordedAs(event: Proposed<keyof JobEventData | keyof AssetEventData>, sequence: number): JobHistoryEvent {
  return { ...event, id: `event-${sequence}`, time: time(sequence), sequence } as JobHistoryEvent;
}
