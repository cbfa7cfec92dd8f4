/** `<bucket>/<accountKey>/<jobId>/<index>.<ext>`, as `assetKey` of the contracts writes it, or `previewKey`. */
const ASSET_KEY =
  /^[a-z][a-z0-9_]{0,63}\/[0-9a-f]{32}\/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\/\d\.(?:png|mp4|webp|jpg|preview\.webp)$/;

/**
 * Whether a text is the key of an asset. Every path of the store passes here first: a key has no dots but those of its
 * extension, no empty part and no other characters, so it can never point outside the store.
 */
export function isAssetKey(key: unknown): key is string {
  return typeof key === 'string' && ASSET_KEY.test(key);
}
