import { PastQuery } from '#contracts/http/list-queries.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from './api-error.js';
import { checkedQuery } from './checked.js';
import { instant } from './instant.js';

/** The moment of the past, ISO 8601, that an operator asks for; undefined for the present, which everybody may see. */
export function pastMoment(query: unknown, { isOperator }: Caller): string | undefined {
  const { at } = checkedQuery(PastQuery, query);
  if (at === undefined) return undefined;
  if (!isOperator) throw new ApiError('forbidden', { details: 'at is for the roles admin and service_role' });
  const moment = instant(at);
  if (Date.parse(moment) > Date.now()) throw new ApiError('invalid_query', { details: 'at lies in the future' });
  return moment;
}
