/** The files of a job's outputs: where they lie, and what becomes of those that no event tells of. */
import type { FileAssetStore } from '#asset-store/file-asset-store.js';
import { StorageError } from '#asset-store/storage-error.js';
import { isEnded, type Job, liveAssets } from '#contracts/domain/job.js';
import { assetKey, previewKey } from '#contracts/ids.js';
import type { Log } from '#service-kit/log.js';

/** The key of one output's file. */
export function outputKey({ requested }: Job, index: number): string {
  const { bucket, accountKey, jobId, config } = requested;
  return assetKey({ bucket, accountKey, jobId, index, extension: config.file_extension });
}

/**
 * Deletes what attempts of a job left behind: what a killed one was just writing and, once the job has ended, whole files
 * that were stored too late for their event. While the job goes on, the next attempt finds and tells those.
 */
export async function deleteUntold(assets: FileAssetStore, job: Job, log: Log): Promise<void> {
  const { jobId, seeds } = job.requested;
  try {
    await assets.sweepLeftovers({ olderThanMs: 0, beside: outputKey(job, 0) });
    if (!isEnded(job)) return;
    const told = new Set(liveAssets(job).map(({ index }) => index));
    const untold = seeds.map((_, index) => index).filter((index) => !told.has(index));
    for (const index of untold) {
      await assets.delete(outputKey(job, index));
      await assets.delete(previewKey(outputKey(job, index)));
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    log.warn({ err: error, jobId }, 'files that no event tells of may be left');
  }
}
