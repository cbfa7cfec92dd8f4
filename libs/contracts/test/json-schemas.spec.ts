import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { jsonSchemaFiles } from '#contracts/schema/json-schemas.js';
import { writeSchemas } from '#contracts/schema/write-schemas.js';

const folder = fileURLToPath(new URL('../schemas', import.meta.url));
const files = jsonSchemaFiles();

// `UPDATE_SCHEMAS=1` takes the classes as they are now over into the files.
beforeAll(() => (process.env.UPDATE_SCHEMAS ? writeSchemas(folder) : undefined));

describe('the JSON Schema files', () => {
  it('are those of the classes, no more and no fewer', () => {
    expect(readdirSync(folder).sort()).toEqual([...files.keys()].sort());
  });

  it.each([...files])('%s › is what the class says', (name, text) => {
    expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
  });

  it.each([...files])('%s › stands alone', (_name, text) => {
    const schema = JSON.parse(text);
    const referred = [...text.matchAll(/#\/\$defs\/(\w+)/g)].map(([, name]) => name);
    expect(Object.keys(schema.$defs ?? {}).sort()).toEqual([...new Set(referred)].sort());
    expect(schema).toMatchObject({ type: 'object', properties: expect.any(Object) });
  });

  it('say what a job request needs', () => {
    const schema = JSON.parse(files.get('com.ourvidz.job.requested.v1.json') ?? '{}');
    expect(schema.required).toContain('prompt');
    expect(schema.required).not.toContain('negativePrompt');
    expect(schema.properties.prompt).toEqual({ $ref: '#/$defs/PromptText' });
    expect(schema.properties.seeds).toMatchObject({
      type: 'array',
      maxItems: 6,
      items: { type: 'integer', minimum: 0 },
    });
  });
});
