/** Puts what a file holds into a log that ends where the file begins, block by block. */
import type { FileHandle } from 'node:fs/promises';
import type { Database, Transaction } from '../database/database.js';
import { isRefusedData } from '../database/database-errors.js';
import { examineSegment } from '../verification/segment.js';
import { type Block, readBlocks } from './export-file.js';
import { exportLines } from './export-log.js';

/** The log and the file do not fit together. What was imported before stays, and is a part of the file. */
export class ImportRefusedError extends Error {
  override readonly name = 'ImportRefusedError';
}

export interface Imported {
  readonly from: number;
  readonly to: number;
  readonly added: number;
}

interface Watching {
  readonly onImported: (position: number) => void;
  readonly signal: AbortSignal;
  /** Only proves the file, and that it fits. */
  readonly dryRun?: boolean;
}

/**
 * Imports a whole file, or goes on where an earlier try stopped: what the log has already is compared and passed over.
 *
 * Rejects with `BrokenFileError` for the part of a file that is not whole, with `ImportRefusedError` when the log has gone
 * another way. Of a block either everything is imported or nothing.
 */
export async function importLog(database: Database, file: FileHandle, watching: Watching): Promise<Imported> {
  let from = 0;
  let to = 0;
  let added = 0;
  for await (const block of readBlocks(file)) {
    watching.signal.throwIfAborted();
    from ||= block.label.from;
    to = block.label.to;
    if (block.label.bytes === 0) break;
    added += await database.transaction((tx) => importBlock(tx, block, { ...watching, from }));
    watching.onImported(to);
  }
  return { from, to, added };
}

/** Resolves with the number of events that the log did not have. */
async function importBlock(tx: Transaction, { label, lines }: Block, { from, dryRun }: Watching & { from: number }) {
  const [head] = await tx.query<{ position: number }>('select position from log_head for update');
  const last = head?.position ?? 0;
  const known = Math.min(Math.max(last - label.from + 1, 0), label.to - label.from + 1);
  const [same, fresh] = split(lines, known);
  if (known > 0) await assertSame(tx, { from: label.from, to: label.from + known - 1 }, same);
  if (fresh === '') return 0;
  const rest = { from: label.from + known, to: label.to };
  // In a dry run the blocks before are not there.
  const follows = last === rest.from - 1 || (dryRun && from <= last + 1);
  if (!follows) throw new ImportRefusedError(`the log ends at ${last}, and the file goes on at ${rest.from}`);
  if (!dryRun) await add(tx, rest, fresh);
  return rest.to - rest.from + 1;
}

function split(lines: string, count: number): [string, string] {
  let at = 0;
  for (let line = 0; line < count; line++) at = lines.indexOf('\n', at) + 1;
  return [lines.slice(0, at), lines.slice(at)];
}

interface Positions {
  readonly from: number;
  readonly to: number;
}

async function assertSame(tx: Transaction, range: Positions, lines: string): Promise<void> {
  if ((await exportLines(tx, range)) === lines) return;
  const where = `positions ${range.from} to ${range.to}`;
  throw new ImportRefusedError(`the log has other events than the file within ${where}`);
}

async function add(tx: Transaction, range: Positions, lines: string): Promise<void> {
  try {
    await insertLines(tx, lines);
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new ImportRefusedError(`Postgres refuses positions ${range.from} to ${range.to}: ${why}`);
  }
  await assertChained(tx, range);
  await moveMarks(tx, range);
}

async function insertLines(tx: Transaction, lines: string): Promise<void> {
  await tx.query(
    `insert into events (position, event_id, stream, stream_epoch, stream_seq, type, schema_version, subject_id, data,
                         metadata, hash, occurred_at, recorded_at)
     select (row->>'position')::bigint, (row->>'eventId')::uuid, row->>'stream', (row->>'epoch')::integer,
            (row->>'sequence')::bigint, row->>'type', (row->>'schemaVersion')::integer, row->>'subjectId', row->'data',
            row->'metadata', decode(row->>'hash', 'hex'), (row->>'occurredAt')::timestamptz,
            (row->>'recordedAt')::timestamptz
       from jsonb_array_elements($1::jsonb) as row`,
    [`[${lines.trimEnd().replaceAll('\n', ',')}]`],
  );
}

/** Whoever can write a file with sound checksums can still not make up a hash chain that fits the events before. */
async function assertChained(tx: Transaction, { from, to }: Positions): Promise<void> {
  const { events, brokenChains, secondEndings } = await examineSegment(tx, { after: from - 1, upTo: to });
  const [wrong] = [...brokenChains, ...secondEndings];
  if (events !== to - from + 1) throw new ImportRefusedError(`events are missing within positions ${from} to ${to}`);
  if (wrong)
    throw new ImportRefusedError(`the event at position ${wrong.position} does not follow from those before it`);
}

/** The log's own marks, and those of side effects: what is imported happened long ago and is not announced again. */
async function moveMarks(tx: Transaction, { from, to }: Positions): Promise<void> {
  await tx.query('update log_head set position = $1', [to]);
  await tx.query(
    `insert into stream_checkpoint (stream, epoch, last_seq, last_event_id)
     select distinct on (stream) stream, stream_epoch, stream_seq, event_id::text from events
      where position between $1 and $2 order by stream, position desc
     on conflict (stream) do update set epoch = excluded.epoch, last_seq = excluded.last_seq,
                                        last_event_id = excluded.last_event_id`,
    [from, to],
  );
  for (const mark of ['settlement_checkpoint', 'webhook_checkpoint'])
    await tx.query(`update ${mark} set position = greatest(position, $1)`, [to]);
}
