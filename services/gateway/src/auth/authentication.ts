/** Every route asks for what the list of routes says. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Access, ROUTES } from '#contracts/http/routes.js';
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

/** The documents of the API, which the list of routes does not hold. */
const DOCUMENTS = ['/api/openapi.json', '/api/docs'];
/** Who may call, by method and route template; a route that nobody lists wants a user's token. */
const ACCESS = new Map(ROUTES.map(({ method, path, access }) => [`${method} ${templateOf(path)}`, access]));

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
  const access = accessOf(request);
  // A reader's signature is checked with the file; a sender's before the file is read.
  if (access === 'signed') done(request.method === 'PUT' ? uploads.refusalOf(request) : undefined);
  else if (access === 'worker') done(workers.refusalOf(bearerToken(request.headers.authorization)));
  else if (access === 'public') done();
  else authenticateUser(request, users, done);
}

function accessOf(request: FastifyRequest): Access {
  const { url = '' } = request.routeOptions;
  if (request.is404 || DOCUMENTS.some((path) => url === path || url.startsWith(`${path}/`))) return 'public';
  // Fastify answers HEAD wherever it answers GET.
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  return ACCESS.get(`${method} ${url}`) ?? 'user';
}

/** OpenAPI's `{id}` and `{path}` as the router writes them. */
function templateOf(path: string): string {
  return path.replace('{path}', '*').replace(/\{(\w+)\}/g, ':$1');
}

function authenticateUser(request: FastifyRequest, users: TokenVerifier, done: (error?: Error) => void): void {
  const token = bearerToken(request.headers.authorization);
  request.caller = (token && users.remembered(token)) || null;
  if (request.caller) done();
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
