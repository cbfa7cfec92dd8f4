/** Writes the log into a file, from where an earlier try stopped. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Sql } from '../database/database.js';
import { BrokenFileError, checksum, encodeBlock, encodeEnd, readBlocks } from './export-file.js';

const BLOCK_EVENTS = 1_000;

/** The file holds something that this export may not overwrite. */
export class ExportRefusedError extends Error {
  override readonly name = 'ExportRefusedError';
}

export interface Exported {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  /** Of all events, as the end of the file has it. */
  readonly sha256: string;
  /** Events that an earlier try had written. */
  readonly resumed: number;
}

interface Written {
  readonly to: number;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Exports positions `from` to `to`. A file that an earlier try left unfinished is gone on with, if it is one of this log.
 * Rejects with `ExportRefusedError` for any other file that is not empty.
 */
export async function exportLog(
  sql: Sql,
  path: string,
  { from, to }: { from: number; to: number },
  { onWritten, signal }: { onWritten: (position: number) => void; signal: AbortSignal },
): Promise<Exported> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT);
  try {
    let written = await writtenBefore(sql, file, from);
    const resumed = written.to - from + 1;
    await file.truncate(written.bytes);
    while (written.to < to) {
      signal.throwIfAborted();
      written = await writeBlock(sql, file, written, to);
      onWritten(written.to);
    }
    const end = encodeEnd({ from, to }, written.sha256);
    await file.write(end, 0, end.length, written.bytes);
    await file.sync();
    return { from, to, bytes: written.bytes + end.length, sha256: written.sha256, resumed };
  } finally {
    await file.close();
  }
}

async function writeBlock(sql: Sql, file: FileHandle, before: Written, to: number): Promise<Written> {
  const range = { from: before.to + 1, to: Math.min(before.to + BLOCK_EVENTS, to) };
  const lines = await exportLines(sql, range);
  const sha256 = checksum(before.sha256, lines);
  const block = await encodeBlock(range, lines, sha256);
  await file.write(block, 0, block.length, before.bytes);
  return { to: range.to, bytes: before.bytes + block.length, sha256 };
}

/** The whole blocks of an earlier try. A last block that is not whole is written again. */
async function writtenBefore(sql: Sql, file: FileHandle, from: number): Promise<Written> {
  let written: Written = { to: from - 1, bytes: 0, sha256: '' };
  const { size } = await file.stat();
  if (size === 0) return written;
  try {
    for await (const { label, lines, end } of readBlocks(file)) {
      if (label.bytes === 0)
        throw new ExportRefusedError(`it holds a whole export of positions ${label.from} to ${label.to}`);
      // The last one may be short, and the log longer by now.
      if (label.to < written.to + BLOCK_EVENTS) continue;
      if (label.from !== written.to + 1 || lines !== (await exportLines(sql, label)))
        throw new ExportRefusedError('it holds another export, which this one does not go on with');
      written = { to: label.to, bytes: end, sha256: label.sha256 };
    }
  } catch (error) {
    if (!(error instanceof BrokenFileError)) throw error;
    if (error.offset === 0) throw new ExportRefusedError('it is there, and it is no export');
  }
  return written;
}

/**
 * One event a line, every column as it is, data and metadata in the very text that the hash chain is made over. Postgres
 * puts the lines together: taking them to pieces here would only cost time.
 */
const LINES = `
  select string_agg(
           '{"position":' || position || ',"eventId":"' || event_id || '","stream":' || to_json(stream) ||
           ',"epoch":' || stream_epoch || ',"sequence":' || stream_seq || ',"type":' || to_json(type) ||
           ',"schemaVersion":' || schema_version || ',"subjectId":' || to_json(subject_id) ||
           ',"occurredAt":"' || to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') ||
           '","recordedAt":"' || to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ||
           '","hash":"' || encode(hash, 'hex') || '","metadata":' || metadata || ',"data":' || data || E'}\\n',
           '' order by position) as lines
    from events where position between $1 and $2`;

export async function exportLines(sql: Sql, { from, to }: { from: number; to: number }): Promise<string> {
  const [row] = await sql.query<{ lines: string | null }>(LINES, [from, to]);
  return row?.lines ?? '';
}
