/** Events as the log gives them back, in its order. */
import { CLOUD_EVENT_TYPES, type EventType, eventTypeOf, type Recorded } from '#contracts/events/registry.js';
import type { Sql } from '../database/database.js';
import { type EventMetadata, unquoted } from './log-row.js';

/** `sequence` is the stream's and may start again with a new epoch: order by `position`. */
export type LoggedEvent<T extends EventType = EventType> = Recorded<T> & {
  readonly position: number;
  readonly subjectId: string;
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
}

/** Events of these types with `after < position <= upTo`. Versions of a type that this program does not know are left out. */
export async function readLog(
  sql: Sql,
  range: { after: number; upTo: number },
  types: readonly EventType[],
): Promise<LoggedEvent[]> {
  const rows = await sql.query<Row>(
    `select position, event_id, stream_seq, type, schema_version, subject_id, data, metadata, occurred_at
       from events where position > $1 and position <= $2 and type = any($3) order by position`,
    [range.after, range.upTo, types.map(unversioned)],
  );
  return rows.map(loggedEvent).filter((event) => event !== undefined);
}

function unversioned(type: EventType): string {
  return CLOUD_EVENT_TYPES[type].replace(/\.v\d+$/, '');
}

/** Older schema versions are brought up to date here, once there are any. */
function loggedEvent(row: Row): LoggedEvent | undefined {
  const type = eventTypeOf(`${row.type}.v${row.schema_version}`);
  if (!type) return undefined;
  return {
    type,
    id: row.event_id,
    time: row.occurred_at.toISOString(),
    sequence: row.stream_seq,
    position: row.position,
    subjectId: row.subject_id,
    data: unquoted(row.data, row.metadata),
  } as LoggedEvent;
}
