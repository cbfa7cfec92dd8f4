import type { JobRequested } from '#contracts/events/job-events.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { accountKeyOf, assetIdOf, newJobId } from '#contracts/ids.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';

/** A request of one SDXL job, as the gateway stores it. */
export function aRequest(over: Partial<JobRequested> = {}): JobRequested {
  const { config, bucket, credits } = JOB_CATALOGUE.sdxl_image_fast;
  return {
    jobId: newJobId(),
    userId: 'alice',
    accountKey: accountKeyOf('alice'),
    jobType: 'sdxl_image_fast',
    lane: 'interactive',
    prompt: { text: 'a lighthouse at dawn' },
    config,
    seeds: [1, 2, 3, 4, 5, 6],
    bucket,
    credits,
    clientMetadata: {},
    ...over,
  };
}

export const ENGINE = { engine: 'preview', model: 'preview', version: '1', device: 'cpu' };
export const SIZE = { replicas: 1, jobStreamMaxBytes: 64 * 1024 * 1024, accountStreamMaxBytes: 16 * 1024 * 1024 };

/** The output of a job at an index, as a worker stores it. */
export function anAsset(jobId: string, index: number): StoredAsset {
  return {
    id: assetIdOf(jobId, index),
    index,
    key: `sdxl_image_fast/abc/${jobId}/${index}.png`,
    bucket: 'sdxl_image_fast',
    bytes: 10,
    sha256: 'a'.repeat(64),
    mediaType: 'image/png',
    width: 1024,
    height: 1024,
    seed: 1,
    storedAt: new Date(0).toISOString(),
  };
}
