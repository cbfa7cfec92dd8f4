import { IDEMPOTENCY_KEY_MAX_CHARACTERS } from '#contracts/limits.js';
import { ApiError } from './api-error.js';

const KEY = new RegExp(`^[\\x21-\\x7e]{1,${IDEMPOTENCY_KEY_MAX_CHARACTERS}}$`);

/** The header's value, undefined without one. @throws ApiError `invalid_body` for a key that is none. */
export function idempotencyKeyOf(header: unknown): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && KEY.test(header)) return header;
  const details = `Idempotency-Key must have 1 to ${IDEMPOTENCY_KEY_MAX_CHARACTERS} visible ASCII characters`;
  throw new ApiError('invalid_body', { details });
}
