/** Brings an output into the asset store, however long that is worth trying. */
import { setTimeout as delay } from 'node:timers/promises';
import type { FileAssetStore, PutResult } from '#asset-store/file-asset-store.js';
import { StorageError } from '#asset-store/storage-error.js';
import type { Log } from '#service-kit/log.js';

/** The store did not take it after all tries. */
export class UploadError extends Error {
  override readonly name = 'UploadError';
}

const TRIES = 7;
const FIRST_PAUSE_MS = 250;

/** Tries with growing pauses, half a minute in all. Rejects with the signal's reason when aborted. */
export async function upload(
  store: FileAssetStore,
  key: string,
  bytes: Uint8Array,
  context: { log: Log; signal: AbortSignal },
): Promise<PutResult> {
  for (let attempt = 1; ; attempt++) {
    context.signal.throwIfAborted();
    try {
      const stored = await store.put(key, bytes);
      // A store that failed in the middle of a write could not tidy up after it either.
      if (attempt > 1) await store.sweepLeftovers({ olderThanMs: 0, beside: key });
      return stored;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (attempt === TRIES) throw new UploadError(error.message, { cause: error });
      context.log.warn({ err: error, key, attempt }, 'storing an asset failed, trying again');
    }
    await waitFor(FIRST_PAUSE_MS * 2 ** (attempt - 1), context.signal);
  }
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    // The timer rejects with an AbortError of its own; callers act on the signal's reason.
    signal.throwIfAborted();
    throw error;
  }
}
