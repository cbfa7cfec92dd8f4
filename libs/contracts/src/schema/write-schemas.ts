/** The files that `npm run schemas` writes anew. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonSchemaFiles } from './json-schemas.js';

/** Makes a folder hold exactly the schemas of this version. */
export async function writeSchemas(folder: string): Promise<void> {
  const files = jsonSchemaFiles();
  await mkdir(folder, { recursive: true });
  const left = (await readdir(folder)).filter((name) => name.endsWith('.json') && !files.has(name));
  await Promise.all(left.map((name) => rm(join(folder, name))));
  await Promise.all([...files].map(([name, text]) => writeFile(join(folder, name), text)));
}
