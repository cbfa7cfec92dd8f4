/** Reads request bodies: JSON, whatever browsers call it when a page does not say. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BODY_MAX_BYTES } from '#contracts/limits.js';
import { ApiError } from './api-error.js';

/** What is nested deeper could not be walked through by everybody who looks at a body. */
const BODY_MAX_DEPTH = 64;

/**
 * `fetch` sends a string as `text/plain` and other clients name no type at all, so those are JSON too. One parser takes
 * every type, in order to refuse the others with 415.
 */
export function acceptJsonBodies(instance: FastifyInstance): void {
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_MAX_BYTES }, (request, body, done) => {
    try {
      done(null, parse(request, String(body)));
    } catch (error) {
      done(error as Error);
    }
  });
}

function parse(request: FastifyRequest, text: string): unknown {
  if (!isJson(request.headers['content-type'])) throw new ApiError('unsupported_media_type');
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new ApiError('unsupported_media_type', { details: 'compressed bodies are not taken' });
  }
  if (text === '') return undefined;
  const value = readJson(text);
  if (isDeeper(value, BODY_MAX_DEPTH)) {
    throw new ApiError('invalid_json', { details: `the body must be at most ${BODY_MAX_DEPTH} levels deep` });
  }
  return value;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError('invalid_json', { details: 'the body is not valid JSON', cause: error });
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeper(child, levels - 1));
}

function isJson(contentType: string | undefined): boolean {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  return ['', 'text/plain', 'application/json'].includes(type) || /^application\/[a-z0-9.+-]+\+json$/.test(type);
}
