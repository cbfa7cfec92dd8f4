/** Jobs to test with: what the gateway and the workers store, made short. */
import { cancelJob, completeJob, startJob, storeAsset } from '#contracts/domain/job-decisions.js';
import type { JobRequested, MissingOutput } from '#contracts/events/job-events.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { assetIdOf, assetKey, assetPath } from '#contracts/ids.js';
import type { ExecuteResult, JobStore } from '#eventing/job-store.js';
import { aRequest, ENGINE } from '../../../libs/eventing/test/a-job.js';

export { aRequest };

/** Every asset of a test run has a time of its own: lists are in the order of time. */
let lastStored = Date.parse('2026-01-02T00:00:00.000Z');

function nextStoredAt(): string {
  lastStored += 1_000;
  return new Date(lastStored).toISOString();
}

export function anAsset(request: JobRequested, index: number, storedAt = '2026-01-01T00:00:00.000Z'): StoredAsset {
  const { jobId, accountKey, bucket } = request;
  return {
    id: assetIdOf(jobId, index),
    index,
    key: assetKey({ bucket, accountKey, jobId, index, extension: 'png' }),
    bucket,
    bytes: 1_000 + index,
    sha256: 'ab'.repeat(32),
    mediaType: 'image/png',
    width: 1024,
    height: 1024,
    seed: index,
    storedAt,
  };
}

export async function start(store: JobStore, jobId: string): Promise<ExecuteResult> {
  return store.execute(jobId, (job) => startJob(job, { worker: 'w1', engine: ENGINE }));
}

export async function cancel(store: JobStore, jobId: string): Promise<ExecuteResult> {
  return store.execute(jobId, (job) => cancelJob(job, 'alice'));
}

/** From request to completion with `count` assets: 3 + count events. */
export async function makeJob(store: JobStore, over: Partial<JobRequested> = {}, count = 2): Promise<JobRequested> {
  const request = aRequest(over);
  await store.request(request);
  return work(store, request, count);
}

/** What a worker does with a requested job. */
export async function work(
  store: JobStore,
  request: JobRequested,
  count = 2,
  missing: readonly MissingOutput[] = [],
): Promise<JobRequested> {
  await start(store, request.jobId);
  for (let index = 0; index < count; index++) {
    await store.execute(request.jobId, (job) => storeAsset(job, 1, anAsset(request, index, nextStoredAt())));
  }
  const timings = { waitedMs: 1, generatedMs: 2, storedMs: 3 };
  const completion = { attempt: 1, timings, engine: ENGINE, missing, urlOf: assetPath };
  await store.execute(request.jobId, (job) => completeJob(job, completion));
  return request;
}
