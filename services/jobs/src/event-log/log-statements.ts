/** The SQL of the log writer. Every statement that writes runs in a transaction that holds the head. */
import type { Sql, Transaction } from '../database/database.js';
import { eventHash } from './event-hash.js';
import type { LogRow } from './log-row.js';

/** How far a stream was read. */
export interface Checkpoint {
  readonly epoch: number;
  /** Sequence of the last message that was read; 0 before the first. */
  readonly sequence: number;
  readonly eventId: string | null;
}

/** Another process has taken over the log. */
export class SupersededError extends Error {
  override readonly name = 'SupersededError';
}

/** Makes this process the writer: whoever wrote with an older generation is fenced off. */
export async function takeOverLog(sql: Sql): Promise<number> {
  const [head] = await sql.query<{ generation: number }>(
    'update log_head set generation = generation + 1 returning generation',
  );
  if (!head) throw new Error('log_head has no row');
  return head.generation;
}

/** Locks the head until the transaction ends. Resolves with the last position; rejects for a writer that was fenced off. */
export async function lockHead(tx: Transaction, generation: number): Promise<number> {
  const [head] = await tx.query<{ position: number }>(
    'select position from log_head where generation = $1 for update',
    [generation],
  );
  if (!head) throw new SupersededError('another process writes the log');
  return head.position;
}

export async function readHead(sql: Sql): Promise<number> {
  const [head] = await sql.query<{ position: number }>('select position from log_head');
  return head?.position ?? 0;
}

export async function readCheckpoint(sql: Sql, stream: string): Promise<Checkpoint | undefined> {
  const [row] = await sql.query<{ epoch: number; last_seq: number; last_event_id: string | null }>(
    'select epoch, last_seq, last_event_id from stream_checkpoint where stream = $1',
    [stream],
  );
  return row && { epoch: row.epoch, sequence: row.last_seq, eventId: row.last_event_id };
}

export async function writeCheckpoint(tx: Transaction, stream: string, at: Checkpoint): Promise<void> {
  await tx.query(
    `insert into stream_checkpoint (stream, epoch, last_seq, last_event_id) values ($1, $2, $3, $4)
     on conflict (stream) do update set epoch = $2, last_seq = $3, last_event_id = $4`,
    [stream, at.epoch, at.sequence, at.eventId],
  );
}

/** A row with its place in the hash chain of its subject. */
export type ChainedRow = LogRow & { readonly hash: Buffer };

/**
 * The rows that the log does not have yet, chained to what it has. An event is in the log once, also when a commit's
 * outcome was unknown, when it was published twice, or when its stream began anew.
 */
export async function chainFresh(tx: Transaction, rows: readonly LogRow[]): Promise<ChainedRow[]> {
  const fresh = await withoutKnown(tx, rows);
  return fresh.length === 0 ? [] : chain(fresh, await lastHashes(tx, fresh));
}

/** Writes rows at the positions after `head`. */
export async function insertRows(
  tx: Transaction,
  head: number,
  origin: { stream: string; epoch: number },
  rows: readonly ChainedRow[],
): Promise<void> {
  let position = head;
  for (const part of parts(rows)) {
    await tx.query(INSERT, [position, origin.stream, origin.epoch, jsonArray(part)]);
    position += part.length;
  }
  if (position > head) await tx.query('update log_head set position = $1', [position]);
}

/** One parameter for all rows: faster than an array for each column, whose every element would be quoted and unquoted. */
const INSERT = `
  insert into events (position, event_id, stream, stream_epoch, stream_seq, type, schema_version, subject_id, data,
                      metadata, hash, occurred_at, recorded_at)
  select $1::bigint + ordinality, (row->>'eventId')::uuid, $2, $3::integer, (row->>'sequence')::bigint, row->>'type',
         (row->>'schemaVersion')::integer, row->>'subjectId', row->'data', row->'metadata', decode(row->>'hash', 'hex'),
         (row->>'occurredAt')::timestamptz, now()
    from jsonb_array_elements($4::jsonb) with ordinality as new (row, ordinality)
   order by ordinality`;

/** Data and metadata are JSON text already. */
function jsonArray(rows: readonly ChainedRow[]): string {
  return `[${rows.map(jsonOf).join(',')}]`;
}

function jsonOf({ data, metadata, hash, ...row }: ChainedRow): string {
  const columns = JSON.stringify({ ...row, hash: hash.toString('hex') });
  return `${columns.slice(0, -1)},"data":${data},"metadata":${metadata}}`;
}

/** Postgres takes a `jsonb` of up to 256 MB; a thousand events of the largest kind would be more. */
const PART_CHARACTERS = 16 * 1024 * 1024;

function* parts(rows: readonly ChainedRow[]): Generator<ChainedRow[]> {
  let part: ChainedRow[] = [];
  let characters = 0;
  for (const row of rows) {
    part.push(row);
    characters += row.data.length + row.metadata.length;
    if (characters < PART_CHARACTERS) continue;
    yield part;
    part = [];
    characters = 0;
  }
  if (part.length > 0) yield part;
}

async function withoutKnown(tx: Transaction, rows: readonly LogRow[]): Promise<LogRow[]> {
  const found = await tx.query<{ event_id: string }>(
    'select event_id from event_ids where event_id = any($1::uuid[])',
    [rows.map((row) => row.eventId)],
  );
  const known = new Set(found.map((row) => row.event_id));
  return rows.filter((row) => !known.has(row.eventId) && known.add(row.eventId));
}

async function lastHashes(tx: Transaction, rows: readonly LogRow[]): Promise<Map<string, Buffer>> {
  const found = await tx.query<{ id: string; hash: Buffer }>(
    `select subject.id, last.hash
       from unnest($1::text[]) as subject (id)
      cross join lateral (select hash from events where subject_id = subject.id order by position desc limit 1) last`,
    [[...new Set(rows.map((row) => row.subjectId))]],
  );
  return new Map(found.map((row) => [row.id, row.hash]));
}

function chain(rows: readonly LogRow[], last: Map<string, Buffer>): ChainedRow[] {
  return rows.map((row) => {
    const hash = eventHash(last.get(row.subjectId), row);
    last.set(row.subjectId, hash);
    return { ...row, hash };
  });
}
