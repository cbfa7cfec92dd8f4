/**
 * Events as they were once stored: one file for each version of each event, named after its CloudEvents type. Together
 * they are one small history of one user. A file is never changed: what it holds lies in somebody's log. A new version
 * gets a file of its own, which tells the same events.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface GoldenEvent {
  readonly cloudEventType: string;
  readonly stream: string;
  readonly sequence: number;
  readonly subject: string;
  readonly id: string;
  readonly subjectId: string;
  readonly source: string;
  readonly time: string;
  readonly data: object;
}

const FOLDER = new URL('golden/', import.meta.url);

/** The events of each file by their CloudEvents type. */
export function goldenFiles(): ReadonlyMap<string, readonly GoldenEvent[]> {
  const names = readdirSync(FOLDER).map((name) => name.replace(/\.json$/, ''));
  return new Map(names.map((cloudEventType) => [cloudEventType, eventsOf(cloudEventType)]));
}

function eventsOf(cloudEventType: string): GoldenEvent[] {
  const events = JSON.parse(readFileSync(new URL(`${cloudEventType}.json`, FOLDER), 'utf8')) as GoldenEvent[];
  return events.map((event) => ({ ...event, cloudEventType }));
}

/** The whole history with one version of each event: the oldest that there is, or the newest. In the order of the streams. */
export function goldenHistory(which: 'oldest' | 'newest'): GoldenEvent[] {
  const chosen = new Map<string, readonly GoldenEvent[]>();
  const files = [...goldenFiles()].sort(([a], [b]) => versionOf(a) - versionOf(b));
  for (const [cloudEventType, events] of which === 'newest' ? files : files.reverse()) {
    chosen.set(cloudEventType.replace(/\.v\d+$/, ''), events);
  }
  return [...chosen.values()].flat().sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
}

function versionOf(cloudEventType: string): number {
  return Number(cloudEventType.replace(/^.*\.v/, ''));
}
