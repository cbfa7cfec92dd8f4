/** Events as the log gives them back, in its order. */
import { CLOUD_EVENT_TYPES, type EventType, type Recorded } from '#contracts/events/registry.js';
import { currentVersion, storedTypes } from '#contracts/events/versions.js';
import type { Sql } from '../database/database.js';
import { type EventMetadata, unquoted } from './log-row.js';

/** `sequence` is the stream's and may start again with a new epoch: order by `position`. */
export type LoggedEvent<T extends EventType = EventType> = Recorded<T> & {
  readonly position: number;
  readonly subjectId: string;
  /** When the log took it, ISO 8601. By the clock of the database, unlike `time`. */
  readonly recordedAt: string;
};

interface Row {
  readonly position: number;
  readonly event_id: string;
  readonly stream_seq: number;
  readonly type: string;
  readonly schema_version: number;
  readonly subject_id: string;
  readonly data: unknown;
  readonly metadata: EventMetadata;
  readonly occurred_at: Date;
  readonly recorded_at: Date;
}

const COLUMNS =
  'position, event_id, stream_seq, type, schema_version, subject_id, data, metadata, occurred_at, recorded_at';

/** Events of these types with `after < position <= upTo`. Versions of a type that this program does not know are left out. */
export async function readLog(
  sql: Sql,
  range: { after: number; upTo: number },
  types: readonly EventType[],
): Promise<LoggedEvent[]> {
  const rows = await sql.query<Row>(
    `select ${COLUMNS} from events where position > $1 and position <= $2 and type = any($3) order by position`,
    [range.after, range.upTo, types.map(unversioned)],
  );
  return rows.map(loggedEvent).filter((event) => event !== undefined);
}

/** All events of these types about these subjects, in the order of the log. */
export async function readSubjects<T extends EventType>(
  sql: Sql,
  subjectIds: readonly string[],
  ...types: readonly T[]
): Promise<LoggedEvent<T>[]> {
  const rows = await sql.query<Row>(
    `select ${COLUMNS} from events where subject_id = any($1) and type = any($2) order by position`,
    [subjectIds, types.map(unversioned)],
  );
  return rows.map(loggedEvent).filter((event) => event !== undefined) as LoggedEvent<T>[];
}

/** The last event of these types about each of these subjects, up to a position. */
export async function readLastBefore<T extends EventType>(
  sql: Sql,
  subjectIds: readonly string[],
  position: number,
  ...types: readonly T[]
): Promise<LoggedEvent<T>[]> {
  const rows = await sql.query<Row>(
    `select last.* from unnest($1::text[]) as subject (id)
      cross join lateral (select ${COLUMNS} from events
                           where subject_id = subject.id and position <= $2 and type = any($3)
                           order by position desc limit 1) as last`,
    [subjectIds, position, types.map(unversioned)],
  );
  return rows.map(loggedEvent).filter((event) => event !== undefined) as LoggedEvent<T>[];
}

/** Up to `limit` events of these types about one subject of a stream, after a position. */
export async function readSubject(
  sql: Sql,
  about: { stream: string; subjectId: string; after: number },
  types: readonly EventType[],
  limit: number,
): Promise<LoggedEvent[]> {
  const { text, values } = readSubjectStatement(about, types, limit);
  const rows = await sql.query<Row>(text, values);
  return rows.map(loggedEvent).filter((event) => event !== undefined);
}

export function readSubjectStatement(
  about: { stream: string; subjectId: string; after: number },
  types: readonly EventType[],
  limit: number,
): { text: string; values: unknown[] } {
  // With the version, so that none of what is read has to be left out.
  const text = `select ${COLUMNS} from events
      where subject_id = $1 and position > $2 and stream = $3 and type || '.v' || schema_version = any($4)
      order by position limit $5`;
  const values = [about.subjectId, about.after, about.stream, types.flatMap(storedTypes), limit];
  return { text, values };
}

/** The type without its version, as the log keeps it. */
export function unversioned(type: EventType): string {
  return CLOUD_EVENT_TYPES[type].replace(/\.v\d+$/, '');
}

/** As its current version tells it. */
function loggedEvent(row: Row): LoggedEvent | undefined {
  const event = currentVersion(`${row.type}.v${row.schema_version}`, unquoted(row.data, row.metadata));
  if (!event) return undefined;
  return {
    ...event,
    id: row.event_id,
    time: row.occurred_at.toISOString(),
    sequence: row.stream_seq,
    position: row.position,
    subjectId: row.subject_id,
    recordedAt: row.recorded_at.toISOString(),
  } as LoggedEvent;
}
