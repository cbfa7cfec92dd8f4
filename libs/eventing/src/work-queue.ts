/** The work of one engine: its lanes, one message at a time. */
import { type EngineName, workConsumer, workFilters } from '#contracts/streams.js';
import { LANES, liveSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import type { Delivery } from './delivery.js';
import { type DeliveryHandler, pullOne, runPullLoop, type Source } from './pull-loop.js';

/** Interactive jobs first; every fifth time the bulk lane gets the first look. */
const REVERSE_EVERY = 5;

/** Takes jobs for one free slot until the signal aborts; resolves when the job in hand is answered. */
export function runWorkSlot(bus: Bus, engine: EngineName, handle: DeliveryHandler, signal: AbortSignal): Promise<void> {
  return runPullLoop(bus, { ...workOf([engine]), signal }, handle);
}

/** One job of any of these engines; see `pullOne`. */
export function takeWork(
  bus: Bus,
  engines: readonly EngineName[],
  turn: number,
  signal: AbortSignal,
): Promise<Delivery | undefined> {
  return pullOne(bus, workOf(engines), turn, signal);
}

function workOf(engines: readonly EngineName[]): Source {
  const consumers = LANES.flatMap((lane) => engines.map((engine) => workConsumer(engine, lane)));
  const doorbells = engines.flatMap((engine) => workFilters(engine, '*')).map(liveSubject);
  return { consumers, doorbells, reverseEvery: REVERSE_EVERY };
}
