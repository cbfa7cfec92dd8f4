/** JSON Schemas of every event payload, each a document that stands alone. */
import { EVENT_CLASSES } from '#contracts/events/event-classes.js';
import { CLOUD_EVENT_TYPES, type EventType } from '#contracts/events/registry.js';
import { type ContractClass, classSchemas, referredFrom, type Schema, schemaOf } from './class-schemas.js';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** Each schema by the name of its file, which is the event's CloudEvents type. */
export function jsonSchemaFiles(): ReadonlyMap<string, Schema> {
  const schemas = classSchemas('#/$defs/');
  const types = Object.keys(EVENT_CLASSES) as EventType[];
  const fileOf = (type: EventType) => fileSchema(schemas, CLOUD_EVENT_TYPES[type], EVENT_CLASSES[type]);
  return new Map(types.map((type) => [`${CLOUD_EVENT_TYPES[type]}.json`, fileOf(type)] as const));
}

/** One class with all that it refers to, so that each file stands alone. */
function fileSchema(schemas: Readonly<Record<string, Schema>>, id: string, type: ContractClass): Schema {
  const root = schemaOf(schemas, type);
  const referred = [...referredFrom(schemas, root)].sort();
  const definitions = Object.fromEntries(referred.map((name) => [name, schemas[name]]));
  const head = { $schema: DIALECT, $id: `urn:ourvidz:schema:${id}`, title: type.name, ...root };
  return referred.length === 0 ? head : { ...head, $defs: definitions };
}
