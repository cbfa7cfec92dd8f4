/** The files that `npm run schemas` writes anew. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asyncApiDocument } from './asyncapi.js';
import { jsonSchemaFiles } from './json-schemas.js';
import { openApiDocument } from './openapi.js';

export const CONTRACTS = fileURLToPath(new URL('..', import.meta.url));

/** The text of each document by its path in the contracts. */
export function documents(): ReadonlyMap<string, string> {
  return new Map([
    ['openapi.json', text(openApiDocument())],
    ['asyncapi.json', text(asyncApiDocument())],
    ...[...jsonSchemaFiles()].map(([name, schema]) => [join('schemas', name), text(schema)] as const),
  ]);
}

/** Makes the contracts hold exactly the documents of this version. */
export async function writeDocuments(folder = CONTRACTS): Promise<void> {
  const files = documents();
  const schemas = join(folder, 'schemas');
  await mkdir(schemas, { recursive: true });
  const left = (await readdir(schemas)).filter((name) => !files.has(join('schemas', name)));
  await Promise.all(left.map((name) => rm(join(schemas, name))));
  await Promise.all([...files].map(([name, content]) => writeFile(join(folder, name), content)));
}

function text(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
