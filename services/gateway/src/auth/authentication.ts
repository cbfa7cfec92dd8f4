/** Every route needs a token, but for the few named here. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../http/api-error.js';
import type { Caller, TokenVerifier } from './token-verifier.js';
import type { UploadSignatures } from './upload-signatures.js';
import type { WorkerToken } from './worker-token.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; null on public routes. */
    caller: Caller | null;
  }
}

/** By route template. Files are protected by the signature in their address, whoever reads or sends them. */
const FILES_ROUTE = '/assets/*';
const PUBLIC_ROUTES = new Set([
  '/health/live',
  '/health/ready',
  '/metrics',
  '/api/job-types',
  '/api/openapi.json',
  FILES_ROUTE,
]);
/** Of workers outside the platform: a user's token opens none of them, and their token opens nothing else. */
const WORKER_ROUTES = new Set(['/api/worker/claim', '/api/job-callback']);
/** The pages that show the API, and their files. */
const DOCUMENTS = '/api/docs';

/** What tokens are checked with. */
export interface Verifiers {
  readonly users: TokenVerifier;
  readonly workers: WorkerToken;
  readonly uploads: UploadSignatures;
}

/**
 * Runs before a body is read, so that strangers cannot make the gateway read one. A token that was verified a moment ago
 * takes no turn of the event loop.
 */
export function authenticate(
  request: FastifyRequest,
  { users, workers, uploads }: Verifiers,
  done: (error?: Error) => void,
): void {
  const { url = '' } = request.routeOptions;
  if (request.method === 'PUT' && url === FILES_ROUTE) done(uploads.refusalOf(request));
  else if (WORKER_ROUTES.has(url)) done(workers.refusalOf(bearerToken(request.headers.authorization)));
  else authenticateUser(request, users, done);
}

function authenticateUser(request: FastifyRequest, users: TokenVerifier, done: (error?: Error) => void): void {
  const { url = '' } = request.routeOptions;
  const isPublic = request.is404 || PUBLIC_ROUTES.has(url) || url === DOCUMENTS || url.startsWith(`${DOCUMENTS}/`);
  const token = isPublic ? undefined : bearerToken(request.headers.authorization);
  request.caller = (token && users.remembered(token)) || null;
  if (isPublic || request.caller) done();
  else if (token === undefined) done(new ApiError('authentication_required'));
  else void verify(token, request, users, done);
}

async function verify(
  token: string,
  request: FastifyRequest,
  verifier: TokenVerifier,
  done: (error?: Error) => void,
): Promise<void> {
  try {
    request.caller = await verifier.verify(token);
  } catch (error) {
    return done(error as Error);
  }
  done();
}

/** A handler's parameter: who asks. */
export const From = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  return callerOf(context.switchToHttp().getRequest<FastifyRequest>());
});

/** @throws Error on a public route, which has no caller. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error('this route has no caller');
  return request.caller;
}

function bearerToken(header: string | undefined): string | undefined {
  const found = /^bearer +(\S+) *$/i.exec(header ?? '');
  return found?.[1];
}
