import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import asyncApiSchema from '@asyncapi/specs/schemas/3.0.0-without-$id.json' with { type: 'json' };
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES } from '#contracts/http/error-codes.js';
import { ROUTES } from '#contracts/http/routes.js';
import { WebhookJobMessage, WebhookTestMessage } from '#contracts/http/webhooks.js';
import { EXAMPLES } from '../documents/examples.js';
import { CONTRACTS, documents, writeDocuments } from '../documents/write-documents.js';

const files = documents();
const schemaFiles = [...files].filter(([name]) => name.startsWith('schemas/'));
const parsed = (name: string) => JSON.parse(files.get(name) ?? '{}');

// `UPDATE_SCHEMAS=1` takes the classes as they are now over into the files.
beforeAll(() => (process.env.UPDATE_SCHEMAS ? writeDocuments() : undefined));

describe('the documents', () => {
  it('are those of the code, no more and no fewer', () => {
    const names = readdirSync(join(CONTRACTS, 'schemas')).map((name) => join('schemas', name));
    expect(names.sort()).toEqual(schemaFiles.map(([name]) => name).sort());
  });

  it.each([...files])('%s › is what the code says', (name, text) => {
    expect(readFileSync(join(CONTRACTS, name), 'utf8')).toBe(text);
  });

  it.each(schemaFiles)('%s › stands alone', (_name, text) => {
    const schema = JSON.parse(text);
    const referred = [...text.matchAll(/#\/\$defs\/(\w+)/g)].map(([, name]) => name);
    expect(Object.keys(schema.$defs ?? {}).sort()).toEqual([...new Set(referred)].sort());
    expect(schema).toMatchObject({ type: 'object', properties: expect.any(Object) });
  });

  it('say what a job request needs', () => {
    const schema = parsed('schemas/com.ourvidz.job.requested.v1.json');
    expect(schema.required).toContain('prompt');
    expect(schema.required).not.toContain('negativePrompt');
    expect(schema.properties.prompt).toEqual({ $ref: '#/$defs/PromptText' });
    expect(schema.properties.userId.description).toBe('The user: `sub` of the token.');
  });
});

describe('the OpenAPI document', () => {
  const document = parsed('openapi.json');
  const ajv = addFormats.default(new Ajv2020({ strict: false, schemas: [{ $id: 'openapi', ...document }] }));
  const schemaOf = (name: string) => ajv.getSchema(`openapi#/components/schemas/${name}`);

  it('is OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result).toEqual({ valid: true });
  });

  it('tells what may be null apart from what may be absent', () => {
    const { JobView, JobMetadata } = document.components.schemas;
    expect(JobView.required).toContain('project_id');
    expect(JobView.properties.project_id).toEqual({ anyOf: [{ type: 'string', format: 'uuid' }, { type: 'null' }] });
    expect(JobMetadata.required).not.toContain('partial');
  });

  it.each(Object.entries(EXAMPLES))('example of %s › is what its class allows', (name, example) => {
    const validate = schemaOf(name);
    validate?.(example);
    expect(validate?.errors).toBeNull();
  });

  it('has an example for every body', () => {
    const bodies = ROUTES.flatMap(({ body, answers }) => [body, ...answers.map(({ type }) => type)]);
    const sent = [WebhookJobMessage, WebhookTestMessage];
    const names = new Set([...bodies, ...sent].flatMap((type) => type?.name ?? []));
    expect([...names].sort()).toEqual(Object.keys(EXAMPLES).sort());
  });

  it('uses every error code', () => {
    const used = [...(files.get('openapi.json') ?? '').matchAll(/"code": "(\w+)",\s+"retryable"/g)].map(
      ([, code]) => code,
    );
    expect([...new Set(used)].sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it('has one name for each operation', () => {
    const names = ROUTES.map(({ operation }) => operation);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('the AsyncAPI document', () => {
  it('is AsyncAPI 3', () => {
    const ajv = addFormats.default(new Ajv({ strict: false, allErrors: true }));
    const validate = ajv.compile(asyncApiSchema);
    validate(parsed('asyncapi.json'));
    expect(validate.errors).toBeNull();
  });

  it('says who may store an event', () => {
    const { operations } = parsed('asyncapi.json');
    expect(operations.storeJobRequested.tags).toEqual([{ name: 'gateway' }, { name: 'events-tool' }]);
    expect(operations.storePromptEnhanced.tags).toContainEqual({ name: 'enhancer' });
  });
});
