import type { ListAssetsQuery } from '#contracts/http/list-queries.js';
import { SEARCH_MAX_WORDS } from '#contracts/limits.js';
import type { Queries } from '#contracts/queries.js';
import { ApiError } from '../http/api-error.js';
import { instant } from '../http/instant.js';

/** What a list of assets is asked for, as the address says it. @throws ApiError `invalid_query` */
export function assetFilters(query: ListAssetsQuery): Omit<Queries['assets.list']['request'], 'accountKey'> {
  const { jobId, type, favorite, projectId, q, from, to, cursor, limit } = query;
  return {
    jobId: jobId?.toLowerCase(),
    type,
    favorite: favorite && favorite === 'true',
    projectId: projectId?.toLowerCase(),
    words: q === undefined ? undefined : wordsOf(q),
    from: from && instant(from),
    to: to && instant(to),
    cursor,
    limit,
  };
}

function wordsOf(q: string): string[] {
  // No prompt has either, and Postgres takes no NUL.
  if (q.includes('\0') || !q.isWellFormed()) throw invalid('q must be text');
  const words = q.split(/\s+/u).filter((word) => word !== '');
  if (words.length === 0) throw invalid('q must not be empty');
  if (words.length > SEARCH_MAX_WORDS) throw invalid(`q must have at most ${SEARCH_MAX_WORDS} words`);
  return words;
}

function invalid(details: string): ApiError {
  return new ApiError('invalid_query', { details });
}
