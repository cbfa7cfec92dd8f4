import { Injectable } from '@nestjs/common';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { StorageError } from '#asset-store/storage-error.js';
import type { Job } from '#contracts/domain/job.js';
import type { AssetDeleted } from '#contracts/events/job-events.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { previewKey } from '#contracts/ids.js';
import { Bus } from '#eventing/bus.js';
import { done, type Handled, retryAfter } from '#eventing/handled.js';
import { JobStore } from '#eventing/job-store.js';
import { ApiError } from '../http/api-error.js';
import { unlessAway } from '../unless-away.js';
import { RecentlyDeleted } from './recently-deleted.js';

const RETRY_MS = 10_000;

/** Deletes assets: first the event, which counts, then the file. Whatever stops between the two is made up for. */
@Injectable()
export class AssetDeletion {
  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
    private readonly files: FileAssetStore,
    private readonly recentlyDeleted: RecentlyDeleted,
  ) {}

  /** @throws ApiError `unknown_asset` when somebody else was faster. */
  async delete(job: Job, asset: StoredAsset, deletedBy: string): Promise<void> {
    const { jobId } = job.requested;
    const append = () => this.store.deleteAsset(jobId, asset.index, deletedBy, { older: job });
    const result = await unlessAway(this.bus, append);
    if (result.outcome === 'refused') throw new ApiError('unknown_asset');
    this.recentlyDeleted.add(asset.id);
    await this.tryDeleteFile(asset.key);
  }

  /** What every stored deletion comes to, at once or after a crash: the file is gone. */
  async reap({ assetId, key }: AssetDeleted): Promise<Handled> {
    this.recentlyDeleted.add(assetId);
    return (await this.tryDeleteFile(key)) ? done() : retryAfter(RETRY_MS);
  }

  private async tryDeleteFile(key: string): Promise<boolean> {
    try {
      await this.files.delete(key);
      await this.files.delete(previewKey(key));
      return true;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.bus.log.warn({ err: error, key }, 'a deleted file is still there and will be tried again');
      return false;
    }
  }
}
