/** Holds answers against the OpenAPI document: an answer that the document does not promise fails the test. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}

const document: Document = JSON.parse(
  readFileSync(new URL('../../libs/contracts/openapi.json', import.meta.url), 'utf8'),
);
const paths = Object.entries(document.paths).map(([template, operations]) => ({
  pattern: new RegExp(`^${template.replace('{path}', '.+').replace(/\{\w+\}/g, '[^/]+')}$`),
  operations,
}));
const ajv = strictAjv();

/** What an answer is held against; `body` is the parsed JSON of a JSON answer. */
export interface SeenAnswer {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  readonly mediaType: string;
  readonly body?: unknown;
}

/** What is wrong with an answer, or undefined when the document promises it. */
export function contractBreach(seen: SeenAnswer): string | undefined {
  const about = `${seen.method} ${seen.path} answered ${seen.status}`;
  const operation = operationOf(seen.method, seen.path);
  if (!operation)
    return seen.status === 404 || seen.status === 405
      ? wrongBody('ErrorBody', seen, about)
      : `${about}: no such operation`;
  const answer = operation.responses[seen.status];
  if (!answer) return `${about}: ${operation.operationId} does not promise it: ${JSON.stringify(seen.body)}`;
  const [promised] = Object.keys(answer.content ?? {});
  if (promised === undefined) return seen.body === undefined ? undefined : `${about} with a body`;
  if (promised !== 'application/json') return undefined;
  if (seen.mediaType !== promised) return `${about} as ${seen.mediaType}`;
  const content = answer.content?.[promised] as { schema: { $ref: string } };
  return wrongBody(content.schema.$ref.split('/').at(-1) ?? '', seen, about);
}

function operationOf(method: string, path: string): Operation | undefined {
  // The plain path wins over one with a parameter.
  const found = paths.filter(({ pattern }) => pattern.test(path));
  const [best] = found.sort((a, b) => a.pattern.source.length - b.pattern.source.length).reverse();
  const exact = found.find(({ pattern }) => pattern.source === `^${path}$`);
  return (exact ?? best)?.operations[method.toLowerCase()];
}

function wrongBody(name: string, { body }: SeenAnswer, about: string): string | undefined {
  const validate = ajv.getSchema(`openapi#/components/schemas/${name}`);
  if (!validate) return `${about}: no schema ${name}`;
  if (validate(body)) return undefined;
  return `${about}, which is no ${name}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(body)}`;
}

/** A field that the document does not name is a breach too, but where the document says that there may be more. */
function strictAjv() {
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => [name, closed(schema)]);
  const closedDocument = { ...document, components: { ...document.components, schemas: Object.fromEntries(schemas) } };
  const options = { strict: false, schemas: [{ $id: 'openapi', ...closedDocument }] };
  return addFormats.default(new Ajv2020(options));
}

function closed(schema: Record<string, unknown>): Record<string, unknown> {
  const isOpen = schema.properties === undefined || 'additionalProperties' in schema;
  return isOpen ? schema : { ...schema, additionalProperties: false };
}
