/** The AsyncAPI 3 document of the events: where each is stored, who may store it, and what it carries. */
import { EVENT_CLASSES } from '#contracts/events/event-classes.js';
import { CLOUD_EVENT_TYPES, type EventType } from '#contracts/events/registry.js';
import { RIGHTS, SERVICE_NAMES } from '#contracts/rights.js';
import { ACCOUNT_STREAM, JOB_STREAM } from '#contracts/streams.js';
import { classSchemas, referredFrom, type Schema, schemaOf } from './class-schemas.js';
import { eventAddress } from './event-addresses.js';

const DEFINITIONS = '#/components/schemas/';
const TYPES = Object.keys(EVENT_CLASSES) as EventType[];

export function asyncApiDocument(): Schema {
  const ofClasses = classSchemas(DEFINITIONS);
  const payloads = TYPES.map((type) => [EVENT_CLASSES[type].name, schemaOf(ofClasses, EVENT_CLASSES[type])] as const);
  const schemas = { ...ofClasses, ...Object.fromEntries(payloads) };
  const messages = Object.fromEntries(TYPES.map((type) => [type, messageOf(type)]));
  const used = [...referredFrom(schemas, messages)].sort();
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'OurVidz events',
      version: '1.0.0',
      description:
        'Everything that happens is an event in NATS JetStream. Headers follow the CloudEvents NATS binding, binary mode. Within a version fields are only added.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(TYPES.map((type) => [type, channelOf(type)])),
    operations: Object.fromEntries(TYPES.map((type) => [`store${type}`, operationOf(type)])),
    components: {
      messages,
      schemas: Object.fromEntries([...used.map((name) => [name, schemas[name]] as const), ['EventHeaders', HEADERS]]),
    },
  };
}

function channelOf(type: EventType): Schema {
  const address = eventAddress(type);
  const names = [...address.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const stream = [JOB_STREAM, ACCOUNT_STREAM].find(({ subjects }) =>
    subjects.some((filter) => covers(filter, address)),
  );
  if (!stream) throw new Error(`no stream keeps ${address}`);
  return {
    address,
    description: `Kept in the stream ${stream.name}.`,
    messages: { [type]: { $ref: `#/components/messages/${type}` } },
    parameters: Object.fromEntries(names.map((name) => [name, {}])),
  };
}

function operationOf(type: EventType): Schema {
  const address = eventAddress(type);
  const services = SERVICE_NAMES.filter((name) => RIGHTS[name].publish.some((filter) => covers(filter, address)));
  return {
    action: 'send',
    channel: { $ref: `#/channels/${type}` },
    summary: `Stored by ${services.join(', ')}`,
    messages: [{ $ref: `#/channels/${type}/messages/${type}` }],
    tags: services.map((name) => ({ name })),
  };
}

function messageOf(type: EventType): Schema {
  return {
    name: type,
    title: CLOUD_EVENT_TYPES[type],
    contentType: 'application/json',
    headers: { $ref: `${DEFINITIONS}EventHeaders` },
    payload: { $ref: `${DEFINITIONS}${EVENT_CLASSES[type].name}` },
  };
}

/** Whether a filter with `*` and `>` takes a subject whose open tokens are `{names}`. */
function covers(filter: string, address: string): boolean {
  const tokens = address.split('.');
  const parts = filter.split('.');
  const open = parts.at(-1) === '>';
  if (open ? tokens.length < parts.length : tokens.length !== parts.length) return false;
  // A right for one route is a right to the event.
  return parts.every((part, k) => part === '*' || part === '>' || part === tokens[k] || tokens[k]?.startsWith('{'));
}

const text = (description: string, more: Schema = {}) => ({ type: 'string', description, ...more });

const HEADERS = {
  type: 'object',
  properties: {
    'ce-specversion': text('CloudEvents version.', { enum: ['1.0'] }),
    'ce-id': text('Id of the event.', { format: 'uuid' }),
    'ce-type': text('Type with its version.'),
    'ce-source': text('The service that stored it.'),
    'ce-subject': text('What it is about: the id of a job, a project or a webhook, or the key of an account.'),
    'ce-time': text('When it happened.', { format: 'date-time' }),
    'Nats-Msg-Id': text('The id again: the server stores it once.'),
    traceparent: text('W3C trace context of the request that caused it.'),
  },
  required: ['ce-specversion', 'ce-id', 'ce-type', 'ce-source', 'ce-subject', 'ce-time'],
};
