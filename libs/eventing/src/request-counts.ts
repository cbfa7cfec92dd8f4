import type { RequestCounts } from '#contracts/request-counts.js';
import { requestCountsSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';

/** Tells the other gateways. Without a connection nobody is told: each gateway then counts alone. */
export function tellRequestCounts(bus: Bus, counts: RequestCounts): void {
  if (bus.isConnected()) bus.nc.publish(requestCountsSubject(), JSON.stringify(counts));
}

/** Hears what every gateway tells, this one's own as well. Returns what ends that. */
export function onRequestCounts(bus: Bus, listener: (counts: RequestCounts) => void): () => void {
  return bus.listen(requestCountsSubject(), (message) => listener(message.json<RequestCounts>()));
}
