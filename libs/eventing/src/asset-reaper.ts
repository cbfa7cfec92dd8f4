/** Deleted assets, handed over one by one until their files are gone. */
import type { AssetDeleted } from '#contracts/events/job-events.js';
import { ASSET_REAPER_CONSUMER } from '#contracts/streams.js';
import { assetSubject, liveSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import type { Delivery } from './delivery.js';
import { type Handled, reject } from './handled.js';
import { runPullLoop } from './pull-loop.js';

/** Resolves when the signal aborts. */
export function runAssetReaper(
  bus: Bus,
  handle: (deleted: AssetDeleted) => Promise<Handled>,
  signal: AbortSignal,
): Promise<void> {
  const onDelivery = async (delivery: Delivery) => {
    const event = delivery.event();
    return event?.type === 'AssetDeleted' ? handle(event.data) : reject('not an AssetDeleted');
  };
  const doorbells = [liveSubject(assetSubject('deleted', '*', '*'))];
  return runPullLoop(bus, { consumers: [ASSET_REAPER_CONSUMER], doorbells, signal }, onDelivery);
}
