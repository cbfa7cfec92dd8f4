/** Takes the files of outside workers into the asset store: checked and marked as those of the platform's own workers. */
import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { FileAssetStore, FileTooLargeError } from '#asset-store/file-asset-store.js';
import type { Upload } from '#asset-store/signed-upload.js';
import { isEnded, liveAssets, type ProcessingJob } from '#contracts/domain/job.js';
import { outsideRefusal } from '#contracts/domain/outside-work.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { assetIdOf } from '#contracts/ids.js';
import { GENERATION_TIMEOUT_MS } from '#contracts/limits.js';
import { Bus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { command } from '#eventing/request-reply.js';
import { ApiError } from '../http/api-error.js';
import { unlessAway } from '../unless-away.js';
import { checkedAndMarked, type FinishedFile } from './finished-file.js';
import { orQueueUnavailable } from './queue-unavailable.js';
import { wordRefused } from './worker-word.js';

@Injectable()
export class UploadIntake {
  /** Files are read whole to be checked: one at a time, however many are sent. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
    private readonly files: FileAssetStore,
  ) {}

  /** The asset as it is told. @throws ApiError when the file or its moment is wrong. */
  async take(upload: Upload, source: IncomingMessage): Promise<StoredAsset> {
    const job = await this.jobOf(upload);
    const staged = await this.stage(upload, source);
    try {
      return await this.inTurn(async () => this.keep(upload, job, await staged.read()));
    } finally {
      await staged.discard();
    }
  }

  private async jobOf({ key, attempt }: Upload): Promise<ProcessingJob> {
    const job = await unlessAway(this.bus, () => this.store.load(placeOf(key).jobId));
    const reason = outsideRefusal(job, attempt);
    if (reason || job?.status !== 'processing') throw wordRefused(reason ?? 'unknown_job', job);
    return job;
  }

  private async stage({ key, maxBytes }: Upload, source: IncomingMessage) {
    try {
      return await this.files.stage(key, source, maxBytes, AbortSignal.timeout(GENERATION_TIMEOUT_MS));
    } catch (error) {
      if (error instanceof FileTooLargeError) throw new ApiError('file_too_large', { details: error.message });
      if (!source.complete) throw new ApiError('unusable_file', { details: 'the upload broke off', cause: error });
      throw error;
    }
  }

  private async keep(upload: Upload, job: ProcessingJob, bytes: Buffer): Promise<StoredAsset> {
    const { jobId, index } = placeOf(upload.key);
    const { bytes: finished, ...facts } = await finishedFile(bytes, job, index);
    const stored = await this.files.put(upload.key, finished);
    const place = { id: assetIdOf(jobId, index), index, key: upload.key, bucket: job.requested.bucket };
    const asset = { ...place, ...stored, ...facts, storedAt: new Date().toISOString() };
    await this.tell(upload, asset);
    return asset;
  }

  /** A file that came too late for its job may not stay: nobody would ever know of it. */
  private async tell({ attempt, key }: Upload, asset: StoredAsset): Promise<void> {
    const { jobId, index } = placeOf(key);
    const answer = await orQueueUnavailable(command(this.bus, 'worker.asset', { jobId, attempt, asset }));
    if (answer.accepted) return;
    const job = answer.job ?? undefined;
    const isTold = job && liveAssets(job).some((known) => known.index === index);
    if (job && isEnded(job) && !isTold) await this.files.delete(key);
    throw wordRefused(answer.reason, job);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    // The next one does not care how this one ended.
    this.turn = result.catch(() => undefined);
    return result;
  }
}

/** The job and output that a key names. */
function placeOf(key: string): { jobId: string; index: number } {
  const [, , jobId = '', file = ''] = key.split('/');
  return { jobId, index: Number.parseInt(file, 10) };
}

async function finishedFile(bytes: Buffer, job: ProcessingJob, index: number): Promise<FinishedFile> {
  const finished = await checkedAndMarked(bytes, job, index);
  if (typeof finished === 'string') throw new ApiError('unusable_file', { details: finished });
  return finished;
}
