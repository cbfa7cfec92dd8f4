/** How long it took until things went on. All times in milliseconds. */
import type { RawEvent } from '#eventing/log-reader.js';
import { isEnd } from './stream-copy.js';

type Happened = Pick<RawEvent, 'cloudEventType' | 'storedAt'>;

/** The longest waits of a run. */
export interface Waits {
  /** From the end of a fault to the next job that ended, where any was open. */
  readonly recoveryMs: number;
  /** Between two events of a job that was begun. */
  readonly standstillMs: number;
  /** From a job's request to its end. */
  readonly jobMs: number;
  /** What happened to the job that took longest, and how long after its request. */
  readonly slowestJob: readonly { readonly event: string; readonly afterMs: number }[];
}

export function longestWaits(histories: Iterable<readonly Happened[]>, faultEnds: readonly number[]): Waits {
  const jobs = [...histories].map((events) => events.map((event) => ({ at: Date.parse(event.storedAt), event })));
  const lives = jobs.map((events) => {
    const from = events[0]?.at ?? 0;
    return { from, to: events.find(({ event }) => isEnd(event))?.at ?? Number.POSITIVE_INFINITY };
  });
  return {
    recoveryMs: Math.max(0, ...faultEnds.map((end) => recoveryAfter(end, lives))),
    standstillMs: Math.max(0, ...jobs.map((events) => standstillOf(events))),
    jobMs: Math.max(0, ...lives.map(lifeOf)),
    slowestJob: timelineOf(jobs[lives.map(lifeOf).indexOf(Math.max(...lives.map(lifeOf)))] ?? []),
  };
}

function lifeOf({ from, to }: { from: number; to: number }): number {
  return to - from;
}

function timelineOf(events: readonly { at: number; event: Happened }[]): Waits['slowestJob'] {
  const from = events[0]?.at ?? 0;
  return events.map(({ at, event }) => ({ event: event.cloudEventType.split('.').at(-2) ?? '', afterMs: at - from }));
}

function recoveryAfter(faultEnd: number, lives: readonly { from: number; to: number }[]): number {
  const open = lives.some(({ from, to }) => from <= faultEnd && to > faultEnd);
  const next = Math.min(...lives.map(({ to }) => (to > faultEnd ? to : Number.POSITIVE_INFINITY)));
  return open ? next - faultEnd : 0;
}

/** From its first start to its end; what happens to its assets later does not count. */
function standstillOf(events: readonly { at: number; event: Happened }[]): number {
  const begun = events.findIndex(({ event }) => event.cloudEventType.includes('.started.'));
  if (begun < 0) return 0;
  const end = events.findIndex(({ event }) => isEnd(event));
  const times = events.slice(begun, end < 0 ? undefined : end + 1).map(({ at }) => at);
  return Math.max(0, ...times.slice(1).map((at, index) => at - (times[index] ?? at)));
}
