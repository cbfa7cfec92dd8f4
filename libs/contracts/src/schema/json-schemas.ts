/** JSON Schemas of every event payload and HTTP body, made from the classes that validate them. */
import { createRequire } from 'node:module';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';
import { EVENT_CLASSES } from '../events/event-classes.js';
import { CLOUD_EVENT_TYPES, type EventType } from '../events/registry.js';
import { ListAssetsQuery, ListJobsQuery } from '../http/list-queries.js';
import { QueueJobRequest } from '../http/queue-job-request.js';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
const DEFINITIONS = '#/$defs/';
const HTTP_CLASSES = { QueueJobRequest, ListJobsQuery, ListAssetsQuery };
const LINE_WIDTH = 120;

type Schema = Readonly<Record<string, unknown>>;

/** The text of each file by its name: events by their CloudEvents type, HTTP bodies by their class. */
export function jsonSchemaFiles(): ReadonlyMap<string, string> {
  const schemas = schemasOfClasses();
  const events = (Object.keys(EVENT_CLASSES) as EventType[]).map(
    (type) => [CLOUD_EVENT_TYPES[type], EVENT_CLASSES[type].name] as const,
  );
  const bodies = Object.entries(HTTP_CLASSES).map(([name, { name: className }]) => [name, className] as const);
  const files = [...events, ...bodies].map(
    ([id, className]) => [`${id}.json`, `${format(fileSchema(schemas, id, className))}\n`] as const,
  );
  return new Map(files);
}

function schemasOfClasses(): Readonly<Record<string, Schema>> {
  // The package offers its storage only as a CommonJS file.
  const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js');
  return validationMetadatasToSchemas({
    classTransformerMetadataStorage: defaultMetadataStorage,
    refPointerPrefix: DEFINITIONS,
  }) as Record<string, Schema>;
}

/** One class with all that it refers to, so that each file stands alone. */
function fileSchema(schemas: Readonly<Record<string, Schema>>, id: string, className: string): Schema {
  const root = schemas[className];
  if (!root) throw new Error(`no schema for ${className}`);
  const referred = [...referredFrom(schemas, root)].sort();
  const definitions = Object.fromEntries(referred.map((name) => [name, schemas[name]]));
  const head = { $schema: DIALECT, $id: `urn:ourvidz:schema:${id}`, title: className, ...root };
  return referred.length === 0 ? head : { ...head, $defs: definitions };
}

function referredFrom(schemas: Readonly<Record<string, Schema>>, schema: Schema, found = new Set<string>()) {
  for (const [, name = ''] of JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/(\w+)"/g)) {
    const next = schemas[name];
    if (!next || found.has(name)) continue;
    found.add(name);
    referredFrom(schemas, next, found);
  }
  return found;
}

/** JSON as the project's formatter writes it: lists on one line where they fit. */
function format(value: unknown, indent = '', before = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    const line = `[${value.map((item) => format(item)).join(', ')}]`;
    const flat = value.every((item) => typeof item !== 'object');
    // A comma may follow.
    if (flat && before + line.length < LINE_WIDTH) return line;
    return `[\n${value.map((item) => deeper + format(item, deeper)).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value).map(([key, member]) => {
    const start = `${deeper}${JSON.stringify(key)}: `;
    return start + format(member, deeper, start.length);
  });
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
}
