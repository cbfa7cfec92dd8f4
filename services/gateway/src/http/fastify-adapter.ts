/** Fastify as the gateway needs it: everything that happens before a handler and after it. */
import fastifyStatic from '@fastify/static';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authenticate, type Verifiers } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { serveApiDocuments } from './api-documents.js';
import { ApiError } from './api-error.js';
import { allowOrigin, answerPreflight } from './cors.js';
import { apiErrorOf, sendError } from './error-answers.js';
import { acceptJsonBodies } from './json-body.js';
import { requestIdOf } from './request-ids.js';
import { answerUnreadable } from './unreadable-requests.js';
import { acceptUploads } from './upload-body.js';

export interface AdapterParts {
  readonly corsOrigins: '*' | readonly string[];
  readonly verifiers: Verifiers;
  /** Throws when a user asks too often. */
  readonly admit: (caller: Caller) => void;
  readonly observe: (request: FastifyRequest, reply: FastifyReply) => void;
}

export async function createAdapter({ corsOrigins, verifiers, admit, observe }: AdapterParts): Promise<FastifyAdapter> {
  const begin = (request: FastifyRequest, reply: FastifyReply) => {
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    allowOrigin(request, reply, corsOrigins);
  };
  const adapter = new FastifyAdapter({
    genReqId: requestIdOf,
    skipMiddie: true,
    // A request on an open connection is still served while the server closes: nothing answers but the one error body.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerUnreadable,
    // The router refuses some addresses before any hook runs.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      begin(request, reply);
      sendError(apiErrorOf(error), reply);
    },
  });
  const instance: FastifyInstance = adapter.getInstance();
  instance.decorateRequest('caller', null);
  acceptJsonBodies(instance);
  acceptUploads(instance);
  instance.addHook('onRequest', (request, reply, done) => {
    begin(request, reply);
    if (request.method === 'OPTIONS') answerPreflight(reply);
    else done();
  });
  instance.addHook('onRequest', (request, _reply, done) => authenticate(request, verifiers, done));
  instance.addHook('onRequest', (request, _reply, done) => done(refusalOf(request, admit)));
  instance.addHook('onResponse', (request, reply, done) => {
    observe(request, reply);
    done();
  });
  refuseWrongMethods(instance);
  await instance.register(fastifyStatic, { serve: false });
  await serveApiDocuments(instance);
  return adapter;
}

/** What the rate limit says. Watching a job is limited by how many streams are open, not by how often it is begun. */
function refusalOf({ caller, routeOptions }: FastifyRequest, admit: (caller: Caller) => void): Error | undefined {
  if (!caller || routeOptions.url === '/api/jobs/:id/events') return undefined;
  try {
    admit(caller);
  } catch (error) {
    return error as Error;
  }
  return undefined;
}

/** An address that there is, asked with another method: 405 with the methods that it takes, not 404. */
function refuseWrongMethods(instance: FastifyInstance): void {
  const methods = new Map<string, Set<string>>();
  instance.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set<string>();
    for (const name of [method].flat()) known.add(name);
    methods.set(url, known);
  });
  const patterns = () => [...methods].map(([url, allowed]) => ({ pattern: patternOf(url), allowed }));
  let routes: ReturnType<typeof patterns> | undefined;
  instance.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done();
    routes ??= patterns();
    const path = request.url.split('?', 1)[0] ?? '';
    const found = routes.find(({ pattern }) => pattern.test(path));
    if (!found) return done();
    reply.header('allow', [...found.allowed].sort().join(', '));
    done(new ApiError('method_not_allowed'));
  });
}

function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/:[a-z]+/gi, '[^/]+').replace(/\*/g, '.*')}$`);
}
