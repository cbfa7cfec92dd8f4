/** Applies events to one build. What cannot be applied is parked; what comes after it of the same subject waits behind it. */
import type { Transaction } from '../database/database.js';
import { grouped } from '../event-log/histories.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import { type Build, moveBuild, tablesOf } from './builds.js';
import { isPoison, type Parked, park, parkedSubjects } from './parking.js';
import type { Projection } from './projection.js';

/** A build that the transaction has locked, and what writes into it. */
export interface Target {
  readonly projection: Projection;
  readonly build: Build;
}

/** Applies what the log has up to a position: of this projection's events all that come after the build's place. */
export async function applyBatch(
  tx: Transaction,
  target: Target,
  events: readonly LoggedEvent[],
  upTo: number,
): Promise<Parked[]> {
  const parked = await applyEvents(tx, target, events);
  await park(tx, target.build, parked);
  await moveBuild(tx, target.build, upTo);
  return parked;
}

/** Resolves with what could not be applied. */
async function applyEvents(tx: Transaction, target: Target, events: readonly LoggedEvent[]): Promise<Parked[]> {
  if (events.length === 0) return [];
  const subjects = grouped(events, (event) => event.subjectId);
  const waiting = await parkedSubjects(tx, target.build, [...subjects.keys()]);
  const behind = events.filter((event) => waiting.has(event.subjectId)).map(behindParked);
  const applicable = events.filter((event) => !waiting.has(event.subjectId));
  if ((await attempt(tx, target, applicable)) === undefined) return behind;
  const parked = [...behind];
  for (const [subject, history] of subjects) {
    if (!waiting.has(subject)) parked.push(...(await applyUpToPoison(tx, target, history)));
  }
  return parked;
}

/** Of one subject: everything before the first event that fails; resolves with the rest. */
async function applyUpToPoison(tx: Transaction, target: Target, history: readonly LoggedEvent[]): Promise<Parked[]> {
  if ((await attempt(tx, target, history)) === undefined) return [];
  for (const [index, event] of history.entries()) {
    const error = await attempt(tx, target, [event]);
    if (error !== undefined) return [{ event, error }, ...history.slice(index + 1).map(behindParked)];
  }
  return [];
}

/** Applies all of them or none; resolves with the reason for none. */
async function attempt(
  tx: Transaction,
  { projection, build }: Target,
  events: readonly LoggedEvent[],
): Promise<string | undefined> {
  try {
    await tx.savepoint(() => projection.apply(tx, tablesOf(build), events));
    return undefined;
  } catch (error) {
    if (isPoison(error)) return String(error);
    throw error;
  }
}

function behindParked(event: LoggedEvent): Parked {
  return { event, error: 'an earlier event of the same subject is parked' };
}
