import type { FastifyReply, FastifyRequest } from 'fastify';

const METHODS = 'GET, POST, PATCH, DELETE, OPTIONS';
const HEADERS = 'authorization, x-client-info, apikey, content-type, idempotency-key, last-event-id';
const EXPOSED = 'Retry-After, X-Request-Id, Idempotent-Replayed';
const PREFLIGHT_SECONDS = '600';

/** Lets pages of the allowed origins read an answer, whatever its status. */
export function allowOrigin(request: FastifyRequest, reply: FastifyReply, allowed: '*' | readonly string[]): void {
  const origin = allowedOrigin(request.headers.origin, allowed);
  if (allowed !== '*') reply.header('vary', 'Origin');
  if (origin === undefined) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('access-control-expose-headers', EXPOSED);
}

/** The answer to a browser that asks before it sends. Needs no token. */
export function answerPreflight(reply: FastifyReply): void {
  reply.header('access-control-allow-methods', METHODS);
  reply.header('access-control-allow-headers', HEADERS);
  reply.header('access-control-max-age', PREFLIGHT_SECONDS);
  reply.status(200).send('');
}

function allowedOrigin(origin: string | undefined, allowed: '*' | readonly string[]): string | undefined {
  if (allowed === '*') return '*';
  return origin !== undefined && allowed.includes(origin) ? origin : undefined;
}
