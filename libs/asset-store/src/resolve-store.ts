import { FileAssetStore } from './file-asset-store.js';

/**
 * The store that `ASSET_STORE` names: `file:` and the path of a folder, absolute or relative to the working folder.
 * @throws Error with a message for the operator.
 */
export function resolveStore(address: string): FileAssetStore {
  if (address.startsWith('s3:')) throw new Error('ASSET_STORE: s3: is not available yet, use file:/path/of/a/folder');
  if (!address.startsWith('file:')) throw new Error(`ASSET_STORE must be file:/path/of/a/folder, not "${address}"`);
  const path = address.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  if (path.trim() === '' || path.startsWith('//') || path.includes('\0')) {
    throw new Error('ASSET_STORE must name a folder: file:/path/of/a/folder');
  }
  return new FileAssetStore(path);
}
