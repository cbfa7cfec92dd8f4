import { BoundedMap } from '../bounded-map.js';

const IDS_MAX = 10_000;

/**
 * Ids of assets that were deleted through this gateway a moment ago. Lists come from a projection that may not have seen
 * the deletion yet; whoever deleted something must not see it again.
 */
export class RecentlyDeleted {
  private readonly ids = new BoundedMap<string, true>(IDS_MAX);

  add(assetId: string): void {
    this.ids.set(assetId, true);
  }

  has(assetId: string): boolean {
    return this.ids.has(assetId);
  }
}
