/** A message of a stream as a row of the log. Whatever it holds, the row is one that Postgres takes. */
import { createHash } from 'node:crypto';
import { isUuid } from '#contracts/ids.js';
import type { RawEvent } from '#eventing/log-reader.js';
import { jsonbText, TooDeepError, unfitForJsonb } from './canonical-json.js';

export interface LogRow {
  readonly eventId: string;
  readonly sequence: number;
  /** CloudEvents type without its version. */
  readonly type: string;
  readonly schemaVersion: number;
  readonly subjectId: string;
  /** JSON text, in the form that `jsonb` gives it. */
  readonly data: string;
  readonly metadata: string;
  /** ISO 8601, milliseconds. */
  readonly occurredAt: string;
}

/**
 * Data that `jsonb` cannot hold is kept as text under this key, and the row's metadata says why under `quoted`.
 * `unquoted` gives it back.
 */
const QUOTED = 'quoted';

/** What stands beside the data of an event. */
export interface EventMetadata {
  readonly source: string;
  /** The subject under which it was published. */
  readonly subject: string;
  /** When the stream stored it. */
  readonly storedAt: string;
  readonly traceparent?: string;
  /** Why the data is kept as text. */
  readonly quoted?: string;
  /** The id it came with, when that was no UUID. */
  readonly originalId?: string;
}

export function logRow(stream: string, raw: RawEvent): LogRow {
  const { data, quoted } = storable(raw.data);
  const { type, schemaVersion } = versioned(raw.cloudEventType || 'unknown');
  const { eventId, originalId } = identity(stream, raw);
  const { source, subject, storedAt, traceparent } = raw;
  const metadata: EventMetadata = { source, subject, storedAt, traceparent, quoted, originalId };
  return {
    eventId,
    sequence: raw.sequence,
    type,
    schemaVersion,
    subjectId: plain(raw.subjectId || raw.subject),
    data,
    metadata: jsonbText(mapValues(metadata, (text) => text && plain(text))),
    occurredAt: timeOf(raw),
  };
}

/** The data of a row as it was published. */
export function unquoted(data: unknown, metadata: EventMetadata): unknown {
  if (metadata.quoted === undefined) return data;
  return JSON.parse((data as Record<typeof QUOTED, string>)[QUOTED]);
}

function storable(value: unknown): { data: string; quoted?: string } {
  try {
    const text = jsonbText(value);
    const quoted = unfitForJsonb(text);
    return quoted ? { data: jsonbText({ [QUOTED]: text }), quoted } : { data: text };
  } catch (error) {
    // Nothing of ours makes such data, and it could not be written as text either.
    if (error instanceof TooDeepError)
      return { data: jsonbText({ [QUOTED]: 'null' }), quoted: `dropped: ${error.message}` };
    throw error;
  }
}

/** `com.ourvidz.job.requested.v1` → `com.ourvidz.job.requested`, 1. */
function versioned(cloudEventType: string): { type: string; schemaVersion: number } {
  const found = /^(.+)\.v(\d{1,6})$/.exec(cloudEventType);
  return { type: plain(found?.[1] ?? cloudEventType), schemaVersion: Number(found?.[2] ?? 0) };
}

/** The id under which the log keeps a message: its own, or one made from what it has. */
export function eventIdOf(stream: string, raw: RawEvent): string {
  return identity(stream, raw).eventId;
}

function identity(stream: string, raw: RawEvent): { eventId: string; originalId?: string } {
  const id = raw.id.toLowerCase();
  if (isUuid(id)) return { eventId: id };
  const name = raw.id === '' ? `${raw.storedAt}\n${raw.sequence}` : raw.id;
  return { eventId: derivedUuid(`${stream}\n${name}`), originalId: raw.id };
}

/** A UUIDv8 (RFC 9562): the same for the same name. */
function derivedUuid(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Its own time, or when it was stored if it names none that makes sense. */
function timeOf(raw: RawEvent): string {
  const own = Date.parse(raw.time);
  const sound = own >= 0 && own < Date.UTC(10_000, 0);
  return new Date(sound ? own : raw.storedAt).toISOString();
}

const LONGEST_NAME = 255;

/** Text that a column and its index take: no NUL, whole characters, not too long. */
function plain(text: string): string {
  const clean = text.replaceAll('\0', '\uFFFD').toWellFormed();
  return clean.length <= LONGEST_NAME ? clean : `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function mapValues<T extends object>(from: T, change: (value: string | undefined) => string | undefined): object {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, change(value)]));
}
