/** The small picture of an output that lists show. */
import type { FileAssetStore } from '#asset-store/file-asset-store.js';
import type { AssetPreview } from '#contracts/events/stored-asset.js';
import { previewKey } from '#contracts/ids.js';
import { PREVIEW_MAX_WIDTH } from '#contracts/limits.js';
import type { Log } from '#service-kit/log.js';
import type { XmpData } from './media-mark.js';
import { type PixelRows, shrunk } from './pixels.js';
import { encodeWebp } from './webp.js';

/**
 * Makes the preview of the asset with this key and stores it beside it. Answers undefined, after a warning, when that is
 * not possible: an output without a small picture is still an output.
 */
export async function storePreview(
  key: string,
  pixels: PixelRows,
  mark: XmpData,
  { assets, log }: { assets: FileAssetStore; log: Log },
): Promise<AssetPreview | undefined> {
  try {
    const { width, height, ...picture } = shrunk(pixels, PREVIEW_MAX_WIDTH);
    const webp = await encodeWebp({ width, height, ...picture }, mark);
    const { bytes } = await assets.put(previewKey(key), webp);
    return { key: previewKey(key), mediaType: 'image/webp', bytes, width, height };
  } catch (error) {
    log.warn({ err: error, key }, 'an output has no preview');
    return undefined;
  }
}
