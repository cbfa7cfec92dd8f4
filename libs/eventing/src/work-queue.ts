/** The work of one engine: its lanes, one message at a time. */
import { type EngineName, workConsumer, workFilters } from '#contracts/streams.js';
import { type Lane, liveSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import type { Delivery } from './delivery.js';
import { type DeliveryHandler, pullOne, runPullLoop, type Source, Turns } from './pull-loop.js';

/**
 * Interactive jobs go first, so that a user's first job never waits for a bulk job that was not running yet. While bulk
 * jobs wait, one of them follows four interactive ones, so that they are never starved.
 */
const INTERACTIVE_IN_A_ROW = 4;

/** What one slot remembers of whose turn it is. */
export function laneTurns(): Turns {
  return new Turns(INTERACTIVE_IN_A_ROW);
}

/** Takes jobs for one free slot until the signal aborts; resolves when the job in hand is answered. */
export function runWorkSlot(bus: Bus, engine: EngineName, handle: DeliveryHandler, signal: AbortSignal): Promise<void> {
  return runPullLoop(bus, { ...workOf([engine], laneTurns()), signal }, handle);
}

/** One job of any of these engines; see `pullOne`. The caller keeps the turns. */
export function takeWork(
  bus: Bus,
  engines: readonly EngineName[],
  turns: Turns,
  signal: AbortSignal,
): Promise<Delivery | undefined> {
  return pullOne(bus, workOf(engines, turns), signal);
}

function workOf(engines: readonly EngineName[], turns: Turns): Source {
  const of = (lane: Lane) => engines.map((engine) => workConsumer(engine, lane));
  const doorbells = engines.flatMap((engine) => workFilters(engine, '*')).map(liveSubject);
  return { consumers: of('interactive'), patient: { consumers: of('bulk'), turns }, doorbells };
}
