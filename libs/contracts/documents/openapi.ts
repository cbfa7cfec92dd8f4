/** The OpenAPI 3.1 document of the API, made of the route list, the classes and the error codes. */
import { ERROR_CODES, type ErrorCode } from '#contracts/http/error-codes.js';
import { type Access, type AnswerSpec, type RequestHeader, ROUTES, type RouteSpec } from '#contracts/http/routes.js';
import { WebhookJobMessage, WebhookTestMessage } from '#contracts/http/webhooks.js';
import { WEBHOOK_MESSAGE_TYPES, WEBHOOK_TEST, type WebhookMessageType } from '#contracts/webhook-topics.js';
import { classSchemas, referredFrom, type Schema } from './class-schemas.js';
import { EXAMPLES } from './examples.js';

const DEFINITIONS = '#/components/schemas/';
/** Answers of these classes may hold more than the class says. */
const OPEN_CLASSES = ['JobMetadata', 'QueueJobMetadata'];

const SECURITY: Readonly<Record<Access, readonly object[]>> = {
  user: [{ token: [] }],
  operator: [{ operatorToken: [] }],
  worker: [{ workerToken: [] }],
  signed: [],
  public: [],
};

const ACCESS_ERRORS: Readonly<Record<Access, readonly ErrorCode[]>> = {
  user: ['authentication_required', 'invalid_token', 'rate_limited', 'authentication_unavailable'],
  operator: ['authentication_required', 'invalid_token', 'forbidden', 'rate_limited', 'authentication_unavailable'],
  worker: ['authentication_required', 'invalid_token'],
  signed: [],
  public: [],
};
const BODY_ERRORS: readonly ErrorCode[] = ['invalid_json', 'invalid_body', 'body_too_large', 'unsupported_media_type'];

const REQUEST_HEADERS: Readonly<Record<RequestHeader, string>> = {
  'Idempotency-Key': '1 to 255 visible ASCII characters. The same key and body get the first answer again.',
  'Last-Event-ID': 'The id of the last event that arrived; the stream goes on behind it.',
  Range: 'Bytes of the file, such as `bytes=0-1023`.',
  'If-None-Match': 'An `ETag` that the client has.',
};

export function openApiDocument(): Schema {
  const schemas = classSchemas(DEFINITIONS);
  const paths = pathsOf(schemas);
  const webhooks = webhookMessages();
  const used = [...referredFrom({ ...schemas, ErrorBody: {} }, { paths, webhooks })].sort();
  const named = used.map((name) => [name, name === 'ErrorBody' ? ERROR_BODY : shown(name, schemas[name] ?? {})]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'OurVidz',
      version: '1.0.0',
      description:
        'Prompts in, pictures and videos out. Every answer that is not a success has the same body: `ErrorBody`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(ROUTES.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    webhooks,
    components: {
      securitySchemes: SECURITY_SCHEMES,
      schemas: Object.fromEntries(named),
      // Of no operation: an address that there is, asked with a method that it does not take.
      responses: { MethodNotAllowed: errorAnswer(405, ['method_not_allowed']) },
    },
  };
}

const bearer = (description: string) => ({ type: 'http', scheme: 'bearer', description });
const SECURITY_SCHEMES = {
  token: bearer('A JWT; `sub` is the user.'),
  operatorToken: bearer('A JWT whose `role` is `admin` or `service_role`.'),
  workerToken: bearer('`WORKER_TOKEN` of the gateway.'),
};

const ERROR_BODY = {
  description: 'The body of every answer that is not a success.',
  type: 'object',
  properties: {
    success: { type: 'boolean', enum: [false] },
    error: { type: 'string', description: 'For the user.' },
    code: { type: 'string', enum: Object.keys(ERROR_CODES), description: 'For programs.' },
    details: { type: 'string', description: 'For the developer.' },
    retryable: { type: 'boolean', description: 'Whether the same request may succeed later.' },
    suggestedAction: { type: 'string', description: 'What to do now.' },
    validJobTypes: { type: 'array', items: { type: 'string' }, description: 'With `invalid_job_type`.' },
  },
  required: ['success', 'error', 'code', 'retryable', 'suggestedAction'],
};

/** What receivers of webhooks get. */
function webhookMessages(): Schema {
  const classOf = (name: WebhookMessageType) => (name === WEBHOOK_TEST ? WebhookTestMessage : WebhookJobMessage).name;
  return Object.fromEntries(WEBHOOK_MESSAGE_TYPES.map((name) => [name, { post: messageOf(name, classOf(name)) }]));
}

function messageOf(name: string, className: string): Schema {
  return {
    summary: `Sent to webhooks as \`${name}\``,
    description: 'Signed as Standard Webhooks says: `webhook-id`, `webhook-timestamp`, `webhook-signature`.',
    requestBody: { required: true, content: json(className) },
    responses: { '2XX': { description: 'Taken; any other answer is tried again later' } },
  };
}

function pathsOf(schemas: Readonly<Record<string, Schema>>): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of ROUTES) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route, schemas) };
  }
  return paths;
}

function operationOf(route: RouteSpec, schemas: Readonly<Record<string, Schema>>): Schema {
  const { operation, tag, summary, description, access, body } = route;
  const parameters = [...pathParameters(route), ...queryParameters(route, schemas), ...headerParameters(route)];
  return {
    operationId: operation,
    tags: [tag],
    summary,
    ...(description ? { description } : {}),
    security: SECURITY[access],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: json(body.name) } } : {}),
    responses: { ...Object.fromEntries(route.answers.map(answerOf)), ...errorAnswers(route) },
  };
}

function pathParameters({ path }: RouteSpec): Schema[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    const schema = name === 'path' ? { type: 'string' } : { type: 'string', format: 'uuid' };
    return { name, in: 'path', required: true, schema };
  });
}

function queryParameters({ query }: RouteSpec, schemas: Readonly<Record<string, Schema>>): Schema[] {
  if (!query) return [];
  const { properties = {}, required = [] } = schemas[query.name] as { properties?: object; required?: string[] };
  // What has a default is always there when the class is read, and never has to be sent.
  const defaults = new query() as Record<string, unknown>;
  return Object.entries(properties).map(([name, { description, ...schema }]) => {
    const fallback = defaults[name];
    return {
      name,
      in: 'query',
      ...(description ? { description } : {}),
      required: required.includes(name) && fallback === undefined,
      schema: fallback === undefined ? schema : { ...schema, default: fallback },
    };
  });
}

function headerParameters({ headers = [] }: RouteSpec): Schema[] {
  return headers.map((name) => {
    return { name, in: 'header', required: false, description: REQUEST_HEADERS[name], schema: { type: 'string' } };
  });
}

function answerOf({ status, description, type, media, events }: AnswerSpec): [string, Schema] {
  const content = type ? json(type.name) : media ? { [media]: textOf(events) } : undefined;
  return [String(status), { description, ...(content ? { content } : {}) }];
}

/** OpenAPI 3.1 has no words for what is inside a stream of events: that stands in an extension. */
function textOf(events: AnswerSpec['events']): Schema {
  const schema = { type: 'string' };
  if (!events) return { schema };
  const data = Object.entries(events).map(([name, { name: className }]) => [name, { $ref: DEFINITIONS + className }]);
  return { schema, 'x-event-data': Object.fromEntries(data) };
}

/** A path or body class with its example. */
function json(className: string): Schema {
  const example = EXAMPLES[className];
  const schema = { $ref: `${DEFINITIONS}${className}` };
  return { 'application/json': { schema, ...(example === undefined ? {} : { example }) } };
}

/** The codes of a route by status, each with the body that it has. */
function errorAnswers(route: RouteSpec): Schema {
  const codes = new Set<ErrorCode>([
    ...ACCESS_ERRORS[route.access],
    ...(route.query ? (['invalid_query'] as const) : []),
    ...(route.body ? BODY_ERRORS : []),
    ...(route.errors ?? []),
    'internal_error',
  ]);
  const byStatus = Map.groupBy(codes, (code) => ERROR_CODES[code].status);
  const inOrder = [...byStatus].sort(([a], [b]) => a - b);
  return Object.fromEntries(inOrder.map(([status, group]) => [status, errorAnswer(status, group)]));
}

function errorAnswer(status: number, codes: readonly ErrorCode[]): Schema {
  const examples = Object.fromEntries(codes.map((code) => [code, { value: errorExample(code) }]));
  const retry = status === 429 || status === 503 ? { headers: { 'Retry-After': RETRY_AFTER } } : {};
  const schema = { $ref: `${DEFINITIONS}ErrorBody` };
  const description = codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].error}`).join(' ');
  return { description, ...retry, content: { 'application/json': { schema, examples } } };
}

const RETRY_AFTER = { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } };

function errorExample(code: ErrorCode): Schema {
  const { error, retryable, suggestedAction } = ERROR_CODES[code];
  return { success: false, error, code, retryable, suggestedAction };
}

function shown(name: string, schema: Schema): Schema {
  return OPEN_CLASSES.includes(name) ? { ...schema, additionalProperties: true } : schema;
}
