/** A stream beside what the log has of it. */
import type { StreamSpec } from '#contracts/streams.js';
import type { Bus } from '#eventing/bus.js';
import { LogReader } from '#eventing/log-reader.js';
import type { Sql } from '../database/database.js';
import { eventIdOf, type LogRow, logRow } from './log-row.js';
import { type Checkpoint, readCheckpoint } from './log-statements.js';
import { positionBefore } from './position-before.js';
import { judge } from './stream-follower.js';

const BATCH = 500;
/** Of each difference so many are named. */
const MOST_NAMED = 20;
/** What the stream lets go by its age in the next hour may be gone or not. */
const AT_THE_EDGE_MS = 3_600_000;

export interface NamedMessage {
  readonly sequence: number;
  readonly eventId: string;
}

export interface StreamComparison {
  readonly stream: string;
  /** Messages that were compared. */
  readonly messages: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Behind the place up to which the log was written: whoever leads writes them. */
  readonly notYetLogged: number;
  /** Before that place and not in the log: nobody writes them by himself. */
  readonly missing: number;
  /** In the log with another content. */
  readonly different: number;
  /** In the log, young enough to be in the stream, and not there. */
  readonly lost: number;
  /** The first of those that are missing or different. */
  readonly named: readonly NamedMessage[];
}

interface Counts {
  messages: number;
  notYetLogged: number;
  missing: number;
  different: number;
  found: number;
  named: NamedMessage[];
}

/** Reads the stream once, up to where it ends now. `onProgress` hears how many messages are compared. */
export async function compareStream(
  { bus, sql, signal }: { bus: Bus; sql: Sql; signal: AbortSignal },
  spec: StreamSpec,
  onProgress: (messages: number) => void,
): Promise<StreamComparison> {
  const reader = new LogReader(bus, spec.name);
  const logged = await loggedUpTo(reader, sql);
  const edge = await edgeOf(sql, spec);
  const expected = await countSince(sql, spec, edge);
  const { firstSequence, lastSequence } = await reader.position();
  const counts: Counts = { messages: 0, notYetLogged: 0, missing: 0, different: 0, found: 0, named: [] };
  for (let from = Math.max(firstSequence, 1); from <= lastSequence; ) {
    signal.throwIfAborted();
    const events = await reader.read(from, BATCH);
    const last = events.at(-1);
    if (!last) break;
    await compareBatch(
      sql,
      events.map((event) => logRow(spec.name, event)),
      { logged, edge, counts },
    );
    from = last.sequence + 1;
    onProgress(counts.messages);
  }
  const { found, ...rest } = counts;
  return { stream: spec.name, firstSequence, lastSequence, ...rest, lost: Math.max(expected - found, 0) };
}

async function compareBatch(
  sql: Sql,
  rows: readonly LogRow[],
  { logged, edge, counts }: { logged: number; edge: number; counts: Counts },
): Promise<void> {
  const known = await loggedRows(sql, rows);
  for (const row of rows) {
    const found = known.get(row.eventId);
    counts.messages++;
    if (found && found.position > edge) counts.found++;
    if (found && isSame(row, found)) continue;
    if (!found && row.sequence > logged) {
      counts.notYetLogged++;
      continue;
    }
    counts[found ? 'different' : 'missing']++;
    if (counts.named.length < MOST_NAMED) counts.named.push({ sequence: row.sequence, eventId: row.eventId });
  }
}

/** The sequence up to which the log was written; 0 when that was another stream, which is then read from its beginning. */
async function loggedUpTo(reader: LogReader, sql: Sql): Promise<number> {
  const checkpoint: Checkpoint | undefined = await readCheckpoint(sql, reader.stream);
  if (!checkpoint) return 0;
  const idAt = async (sequence: number) => {
    const message = await reader.messageAt(sequence);
    return message && eventIdOf(reader.stream, message);
  };
  const verdict = await judge(checkpoint, await reader.position(), idAt);
  return verdict === 'sound' ? checkpoint.sequence : 0;
}

/** What was recorded behind this position must be in the stream. */
async function edgeOf(sql: Sql, { maxAgeMs }: StreamSpec): Promise<number> {
  return maxAgeMs === 0 ? 0 : positionBefore(sql, new Date(Date.now() - maxAgeMs + AT_THE_EDGE_MS));
}

async function countSince(sql: Sql, { name }: StreamSpec, edge: number): Promise<number> {
  const [row] = await sql.query<{ events: number }>(
    'select count(*) as events from events where position > $1 and stream = $2',
    [edge, name],
  );
  return row?.events ?? 0;
}

interface Logged {
  readonly event_id: string;
  readonly position: number;
  readonly type: string;
  readonly schema_version: number;
  readonly subject_id: string;
  readonly data: string;
  readonly occurred_at: Date;
}

async function loggedRows(sql: Sql, rows: readonly LogRow[]): Promise<Map<string, Logged>> {
  const found = await sql.query<Logged>(
    `select event.event_id, event.position, type, schema_version, subject_id, data::text, occurred_at
       from event_ids known
       join events event on event.position = known.position
      where known.event_id = any($1::uuid[])`,
    [rows.map((row) => row.eventId)],
  );
  return new Map(found.map((row) => [row.event_id, row]));
}

function isSame(row: LogRow, logged: Logged): boolean {
  return (
    row.type === logged.type &&
    row.schemaVersion === logged.schema_version &&
    row.subjectId === logged.subject_id &&
    row.data === logged.data &&
    Date.parse(row.occurredAt) === logged.occurred_at.getTime()
  );
}
