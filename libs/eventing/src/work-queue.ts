/** The work of one engine: its lanes, one message at a time. */
import { type EngineName, workConsumer, workFilters } from '#contracts/streams.js';
import { LANES, liveSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import { type DeliveryHandler, runPullLoop } from './pull-loop.js';

/** Interactive jobs first; every fifth time the bulk lane gets the first look. */
const REVERSE_EVERY = 5;

/** Takes jobs for one free slot until the signal aborts; resolves when the job in hand is answered. */
export function runWorkSlot(bus: Bus, engine: EngineName, handle: DeliveryHandler, signal: AbortSignal): Promise<void> {
  const consumers = LANES.map((lane) => workConsumer(engine, lane));
  const doorbells = workFilters(engine, '*').map(liveSubject);
  return runPullLoop(bus, { consumers, doorbells, reverseEvery: REVERSE_EVERY, signal }, handle);
}
