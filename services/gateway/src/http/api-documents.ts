/** The documents of the API: `/api/openapi.json`, and a page at `/api/docs` that shows it. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

const OPENAPI = fileURLToPath(import.meta.resolve('#contracts-documents/openapi.json'));

/** The page asks nobody but this gateway. It styles its elements in place. */
const PAGE_POLICY = {
  'default-src': ["'self'"],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'object-src': ["'none'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
};

export async function serveApiDocuments(instance: FastifyInstance): Promise<void> {
  const text = await readFile(OPENAPI, 'utf8');
  await instance.register(swagger, { mode: 'static', specification: { document: JSON.parse(text) } });
  await instance.register(swaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: PAGE_POLICY,
    uiConfig: { docExpansion: 'list', deepLinking: true, tryItOutEnabled: false },
    theme: { title: 'OurVidz API' },
  });
  instance.get('/api/openapi.json', (_request, reply) => reply.type('application/json').send(text));
}
