import { createHash } from 'node:crypto';
import type { LogRow } from './log-row.js';

/**
 * The hash of an event: SHA-256 of the previous hash of the same subject (nothing for its first event) followed by the
 * UTF-8 lines event id, type, schema version, subject, milliseconds since 1970, data as `jsonb` writes it. The SQL
 * function `event_hash` is the same formula.
 */
export function eventHash(previous: Buffer | undefined, row: LogRow): Buffer {
  const occurred = String(Date.parse(row.occurredAt));
  const lines = [row.eventId, row.type, String(row.schemaVersion), row.subjectId, occurred, row.data];
  const hash = createHash('sha256');
  if (previous) hash.update(previous);
  return hash.update(lines.join('\n'), 'utf8').digest();
}
