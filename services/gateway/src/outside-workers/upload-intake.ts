/** Takes the files of outside workers into the asset store: checked and marked as those of the platform's own workers. */
import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { FileAssetStore, FileTooLargeError } from '#asset-store/file-asset-store.js';
import type { Upload } from '#asset-store/signed-upload.js';
import { isEnded, type ProcessingJob } from '#contracts/domain/job.js';
import { outsideRefusal } from '#contracts/domain/outside-work.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { GENERATION_TIMEOUT_MS } from '#contracts/limits.js';
import { Bus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { command } from '#eventing/request-reply.js';
import type { EngineOutput } from '#worker/engine.js';
import { engineRequest } from '#worker/engine-request.js';
import { finishOutput, SOFTWARE, storedAsset } from '#worker/finished-output.js';
import { deleteUntold } from '#worker/output-files.js';
import { storePreview } from '#worker/output-preview.js';
import { ApiError } from '../http/api-error.js';
import { unlessAway } from '../unless-away.js';
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

  private async keep({ key, attempt }: Upload, job: ProcessingJob, bytes: Buffer): Promise<StoredAsset> {
    const { files: assets } = this;
    const { log } = this.bus;
    const { engine: identity } = job.started;
    const output = outputOf(job, placeOf(key).index, bytes);
    const finished = await finishOutput({ job, output, request: engineRequest(job) }, identity, log);
    if (!finished.ok) throw new ApiError('unusable_file', { details: finished.reason });
    const stored = await assets.put(key, finished.bytes);
    const { durationSeconds, pixels } = finished;
    const preview = pixels && (await storePreview(key, pixels, { identity, software: SOFTWARE }, { assets, log }));
    const asset = storedAsset(job, output, { key, ...stored, durationSeconds, preview });
    await this.tell(attempt, asset, job);
    return asset;
  }

  /** A file that came too late for its job may not stay: nobody would ever know of it. */
  private async tell(attempt: number, asset: StoredAsset, { requested: { jobId } }: ProcessingJob): Promise<void> {
    const answer = await orQueueUnavailable(command(this.bus, 'worker.asset', { jobId, attempt, asset }));
    if (answer.accepted) return;
    const job = answer.job ?? undefined;
    if (job && isEnded(job)) await deleteUntold(this.files, job, this.bus.log);
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

function outputOf({ requested }: ProcessingJob, index: number, bytes: Buffer): EngineOutput {
  const { mediaType, width, height } = JOB_CATALOGUE[requested.jobType];
  return { index, seed: requested.seeds[index] ?? 0, bytes, mediaType, width, height };
}
