import { ApiError } from './api-error.js';

/** The moment that a query of an address names. A date alone is its first moment in UTC. */
export function instant(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new ApiError('invalid_query', { details: `${text} is no date` });
  return time.toISOString();
}
