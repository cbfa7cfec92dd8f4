/** Events as they lie in the log, whatever their type and version: for those who look at the log itself. */
import { CLOUD_EVENT_TYPES, type EventType } from '#contracts/events/registry.js';
import type { Sql } from '../database/database.js';

export interface RawLogEvent {
  readonly position: number;
  readonly eventId: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly stream: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly subjectId: string;
  /** By the clock of whoever published it. */
  readonly occurredAt: Date;
  /** By the clock of the database. */
  readonly recordedAt: Date;
  /** Lower-case hex. */
  readonly hash: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Which events: of any of the types and about any of the subjects; an empty list leaves nothing out. */
export interface Selection {
  /** CloudEvents types without version. */
  readonly types: readonly string[];
  readonly subjectIds: readonly string[];
}

const SELECT = `
  select position, event_id as "eventId", type, schema_version as "schemaVersion", stream, stream_epoch as epoch,
         stream_seq as sequence, subject_id as "subjectId", occurred_at as "occurredAt", recorded_at as "recordedAt",
         encode(hash, 'hex') as hash, data
    from events`;
const SELECTED = `(cardinality($1::text[]) = 0 or type = any($1)) and (cardinality($2::text[]) = 0 or subject_id = any($2))`;

/** Up to `limit` events after a position, oldest first. */
export function eventsAfter(sql: Sql, chosen: Selection, after: number, limit: number): Promise<RawLogEvent[]> {
  const text = `${SELECT} where ${SELECTED} and position > $3 order by position limit $4`;
  return query(sql, text, [chosen.types, chosen.subjectIds, after, limit]);
}

/** The last events up to a position, oldest first. */
export async function lastEvents(sql: Sql, chosen: Selection, upTo: number, limit: number): Promise<RawLogEvent[]> {
  const text = `${SELECT} where ${SELECTED} and position <= $3 order by position desc limit $4`;
  return (await query(sql, text, [chosen.types, chosen.subjectIds, upTo, limit])).reverse();
}

/** What happened to the credits of a job, in its user's account. */
export function ledgerOfJob(sql: Sql, accountKey: string, jobId: string): Promise<RawLogEvent[]> {
  return query(sql, `${SELECT} where subject_id = $1 and data->>'jobId' = $2 order by position`, [accountKey, jobId]);
}

function query(sql: Sql, text: string, values: readonly unknown[]): Promise<RawLogEvent[]> {
  return sql.query<RawLogEvent & Record<string, unknown>>(text, values);
}

const NAMES = new Map(
  Object.entries(CLOUD_EVENT_TYPES).map(([name, type]) => [type.replace(/\.v\d+$/, ''), name as EventType]),
);

/** `JobFailed` for `com.ourvidz.job.failed`; a type that this program does not know as it is. */
export function nameOf({ type }: Pick<RawLogEvent, 'type'>): string {
  return NAMES.get(type) ?? type;
}

/** The types without version that a name (`JobFailed`, `job.failed`) or a beginning of names (`Job*`) stands for. */
export function typesNamed(name: string): string[] {
  const beginning = name.endsWith('*') ? name.slice(0, -1) : undefined;
  const fits = (known: string) => (beginning === undefined ? known === name : known.startsWith(beginning));
  return [...NAMES].flatMap(([type, known]) => (fits(known) || fits(type.replace('com.ourvidz.', '')) ? [type] : []));
}
