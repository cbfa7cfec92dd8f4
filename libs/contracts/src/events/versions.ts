/**
 * Older versions of events. Within a version fields are only added; any other change makes a new one. Events stay as they
 * were stored: whoever reads one gets it as the current version tells it.
 */
import { CLOUD_EVENT_TYPES, type EventType, eventTypeOf, type Proposed } from './registry.js';

type Data = Readonly<Record<string, unknown>>;

/** Data of one version as the next one tells it. Pure, and never throws: what is stored may be anything. */
type Upcaster = (data: Data) => Data;

/** Each older version by its CloudEvents type. Versions are never taken away: the log keeps them for ever. */
const UPCASTERS: ReadonlyMap<string, Upcaster> = new Map([
  // Until then 0 stood for a job that failed before anybody began it.
  ['com.ourvidz.job.failed.v1', ({ attempt, ...rest }: Data) => (attempt === 0 ? rest : { attempt, ...rest })],
]);

/** An event of any known version as the current one tells it; undefined for a version that is newer, or no event. */
export function currentVersion(cloudEventType: string, data: unknown, upcasters = UPCASTERS): Proposed | undefined {
  const type = eventTypeOf(cloudEventType);
  if (type) return { type, data } as Proposed;
  const upcast = upcasters.get(cloudEventType);
  if (!upcast) return undefined;
  return currentVersion(nextVersion(cloudEventType), isData(data) ? upcast(data) : data, upcasters);
}

/** Whether it is a version of an event that this program can read. */
export function isKnownVersion(cloudEventType: string): boolean {
  return currentVersion(cloudEventType, undefined) !== undefined;
}

/** The CloudEvents types under which an event may be stored, the current one first. */
export function storedTypes(type: EventType): readonly string[] {
  const older = [...UPCASTERS.keys()].filter((older) => currentVersion(older, undefined)?.type === type);
  return [CLOUD_EVENT_TYPES[type], ...older];
}

function nextVersion(cloudEventType: string): string {
  return cloudEventType.replace(/\d+$/, (version) => String(Number(version) + 1));
}

function isData(data: unknown): data is Data {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}
