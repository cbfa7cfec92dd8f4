/** The schema of every class of the contracts: from its decorators, described by its doc comments. */
import { createRequire } from 'node:module';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';
import { type DocComments, docComments } from './doc-comments.js';

export type Schema = Readonly<Record<string, unknown>>;
export type ContractClass = abstract new (...args: never[]) => object;

/** Marks a property in passing: `OrNull` leaves it, `withNull` takes it off. */
const NULLABLE = 'x-nullable';

/** Schemas by class name, JSON Schema 2020-12. References begin with `definitions`, such as `#/$defs/`. */
export function classSchemas(definitions: string): Readonly<Record<string, Schema>> {
  // The package offers its storage only as a CommonJS file.
  const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js');
  const schemas = validationMetadatasToSchemas({
    classTransformerMetadataStorage: defaultMetadataStorage,
    refPointerPrefix: definitions,
    additionalConverters: {
      isUrl: { type: 'string', format: 'uri' },
      conditionalValidation: ({ context }) => (context?.nullable ? { [NULLABLE]: true } : {}),
    },
  }) as Record<string, Schema>;
  const comments = docComments();
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, described(withNulls(schema), comments.get(name))]),
  );
}

/** The schema of a class; one without fields of its own has those of the class that it extends. */
export function schemaOf(schemas: Readonly<Record<string, Schema>>, type: ContractClass): Schema {
  const schema = schemas[type.name];
  if (schema) return schema;
  const parent = Object.getPrototypeOf(type);
  if (!parent?.name) throw new Error('a class without fields has no schema');
  return schemaOf(schemas, parent);
}

/** One class with all that it refers to. */
export function referredFrom(
  schemas: Readonly<Record<string, Schema>>,
  schema: unknown,
  found = new Set<string>(),
): Set<string> {
  for (const [, name = ''] of JSON.stringify(schema).matchAll(/"\$ref":"#\/[^"]*\/(\w+)"/g)) {
    const next = schemas[name];
    if (!next || found.has(name)) continue;
    found.add(name);
    referredFrom(schemas, next, found);
  }
  return found;
}

function withNulls(schema: Schema): Schema {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const nullable = properties.filter(([, property]) => NULLABLE in property).map(([name]) => name);
  if (nullable.length === 0) return schema;
  const required = [...((schema.required ?? []) as string[]), ...nullable];
  const inOrder = properties.map(([name]) => name).filter((name) => required.includes(name));
  return { ...schema, properties: Object.fromEntries(properties.map(withNull)), required: inOrder };
}

function withNull([name, { [NULLABLE]: nullable, ...property }]: [string, Schema]): [string, Schema] {
  return [name, nullable ? { anyOf: [property, { type: 'null' }] } : property];
}

function described(schema: Schema, comments: ReturnType<DocComments['get']>): Schema {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const about = comments?.get('');
  return {
    ...(about ? { description: about } : {}),
    ...schema,
    properties: Object.fromEntries(
      properties.map(([name, property]) => [name, describe(property, comments?.get(name))]),
    ),
  };
}

function describe(property: Schema, comment: string | undefined): Schema {
  return comment === undefined ? property : { description: comment, ...property };
}
