/** Asking twice for the same thing: the second request gets the first one's job. */
import { createHash } from 'node:crypto';
import { jobIdForKey } from '#contracts/ids.js';
import { idempotencyKeyOf } from '../http/idempotency-key.js';

/** What an idempotency key stands for. */
export interface Idempotency {
  readonly jobId: string;
  /** Of the whole body: the key may not be used for another one. */
  readonly requestHash: string;
}

/** A key as it came, and what it was used for. */
export interface Keyed extends Pick<Idempotency, 'requestHash'> {
  readonly key: string;
}

/** Undefined without a key. @throws ApiError `invalid_body` for a key that is none. */
export function keyedBy(header: unknown, body: unknown): Keyed | undefined {
  const key = idempotencyKeyOf(header);
  return key === undefined ? undefined : { key, requestHash: hashOf(body) };
}

/** Undefined without a key. @throws ApiError `invalid_body` for a key that is none. */
export function idempotencyOf(header: unknown, accountKey: string, body: unknown): Idempotency | undefined {
  const keyed = keyedBy(header, body);
  return keyed && { jobId: jobIdForKey(accountKey, keyed.key), requestHash: keyed.requestHash };
}

/** The same for the same content, in whatever order its keys come. */
function hashOf(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body, sorted)).digest('hex');
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
