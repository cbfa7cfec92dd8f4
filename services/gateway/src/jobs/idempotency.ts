/** Asking twice for the same thing: the second request gets the first one's job. */
import { createHash } from 'node:crypto';
import { jobIdForKey } from '#contracts/ids.js';
import { IDEMPOTENCY_KEY_MAX_CHARACTERS } from '#contracts/limits.js';
import { ApiError } from '../http/api-error.js';

/** What an idempotency key stands for. */
export interface Idempotency {
  readonly jobId: string;
  /** Of the whole body: the key may not be used for another one. */
  readonly requestHash: string;
}

const KEY = new RegExp(`^[\\x21-\\x7e]{1,${IDEMPOTENCY_KEY_MAX_CHARACTERS}}$`);

/** Undefined without a key. @throws ApiError `invalid_body` for a key that is none. */
export function idempotencyOf(key: unknown, accountKey: string, body: unknown): Idempotency | undefined {
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key)) {
    const details = `Idempotency-Key must have 1 to ${IDEMPOTENCY_KEY_MAX_CHARACTERS} visible ASCII characters`;
    throw new ApiError('invalid_body', { details });
  }
  return { jobId: jobIdForKey(accountKey, key), requestHash: hashOf(body) };
}

/** The same for the same content, in whatever order its keys come. */
function hashOf(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body, sorted)).digest('hex');
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
