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

/** Writes the rows that the log does not have yet, from the position after `head` on. Resolves with how many. */
export async function insertRows(
  tx: Transaction,
  head: number,
  origin: { stream: string; epoch: number },
  rows: readonly LogRow[],
): Promise<number> {
  const fresh = await withoutKnown(tx, rows);
  if (fresh.length === 0) return 0;
  const hashes = chain(fresh, await lastHashes(tx, fresh));
  await tx.query(INSERT, [
    head,
    origin.stream,
    origin.epoch,
    fresh.map((row) => row.eventId),
    fresh.map((row) => row.sequence),
    fresh.map((row) => row.type),
    fresh.map((row) => row.schemaVersion),
    fresh.map((row) => row.subjectId),
    fresh.map((row) => row.data),
    fresh.map((row) => row.metadata),
    hashes,
    fresh.map((row) => row.occurredAt),
  ]);
  await tx.query('update log_head set position = $1', [head + fresh.length]);
  return fresh.length;
}

const INSERT = `
  insert into events (position, event_id, stream, stream_epoch, stream_seq, type, schema_version, subject_id, data,
                      metadata, hash, occurred_at, recorded_at)
  select $1::bigint + place, event_id, $2, $3::integer, seq, type, version, subject_id, data::jsonb,
         metadata::jsonb, hash, occurred_at, now()
    from unnest($4::uuid[], $5::bigint[], $6::text[], $7::integer[], $8::text[], $9::text[], $10::text[], $11::bytea[],
                $12::timestamptz[])
         with ordinality as new (event_id, seq, type, version, subject_id, data, metadata, hash, occurred_at, place)
   order by place`;

/** An event is in the log once, also when a commit's outcome was unknown, it was published twice, or a stream began anew. */
async function withoutKnown(tx: Transaction, rows: readonly LogRow[]): Promise<LogRow[]> {
  const found = await tx.query<{ event_id: string }>('select event_id from events where event_id = any($1::uuid[])', [
    rows.map((row) => row.eventId),
  ]);
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

function chain(rows: readonly LogRow[], last: Map<string, Buffer>): Buffer[] {
  return rows.map((row) => {
    const hash = eventHash(last.get(row.subjectId), row);
    last.set(row.subjectId, hash);
    return hash;
  });
}
