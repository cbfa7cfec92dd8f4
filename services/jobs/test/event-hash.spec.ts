import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RawEvent } from '#eventing/log-reader.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database } from '../src/database/database.js';
import { jsonbText } from '../src/event-log/canonical-json.js';
import { eventHash } from '../src/event-log/event-hash.js';
import { logRow, unquoted } from '../src/event-log/log-row.js';
import { openDatabase } from './jobs-fixture.js';

let postgres: TestPostgres;
let database: Database;

beforeAll(async () => {
  postgres = await testPostgres();
  database = await openDatabase(postgres.url);
});
afterAll(async () => {
  await database.close();
  await postgres.close();
});

function rawEvent(over: Partial<RawEvent>): RawEvent {
  return {
    sequence: 7,
    subject: 'ourvidz.job.sdxl.bulk.requested.x',
    id: '01900000-0000-7000-8000-000000000000',
    cloudEventType: 'com.ourvidz.job.requested.v1',
    subjectId: 'job-1',
    source: '/ourvidz/gateway',
    time: '2026-01-02T03:04:05.678Z',
    storedAt: '2026-01-02T03:04:05.700123Z',
    data: { a: 1 },
    ...over,
  };
}

const text = fc.string({ unit: 'binary' });
const anyJson = fc.json({ stringUnit: 'binary', maxDepth: 4 }).map((json) => JSON.parse(json) as unknown);

describe('the canonical text', () => {
  test('is what Postgres makes of any JSON that it can hold', async () => {
    const property = fc.asyncProperty(fc.array(anyJson, { maxLength: 40 }), async (values) => {
      const texts = values.map((value) => jsonbText(value)).filter((json) => !json.includes('\\u0000'));
      const rows = await database.query<{ t: string }>(
        'select value::jsonb::text as t from unnest($1::text[]) with ordinality as v (value, n) order by n',
        [texts],
      );
      expect(rows.map(({ t }) => t)).toEqual(texts);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  test.each([1e21, 1.5e-7, -2.25e-10, 1.5e25, 5e-324, 1.7976931348623157e308, -0, 0.1])('of %d', async (n) => {
    const [row] = await database.query<{ t: string }>('select $1::jsonb::text as t', [JSON.stringify({ n })]);
    expect(jsonbText({ n })).toBe(row?.t);
  });
});

describe('whatever a message holds', () => {
  const anyMessage = fc.record({
    id: fc.oneof(text, fc.uuid()),
    cloudEventType: text,
    subjectId: fc.oneof(text, fc.string({ minLength: 3_000, maxLength: 3_000 })),
    source: text,
    time: fc.oneof(
      text,
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    ),
    traceparent: fc.option(text, { nil: undefined }),
    data: fc.oneof(anyJson, text, fc.constantFrom('a\0b', { 'k\0': '\ud800' }, [1e300], nested(5_000))),
  });

  test('Postgres takes its row, hashes it to the same, and gives its data back', async () => {
    const property = fc.asyncProperty(anyMessage, async (message) => {
      const row = logRow('s', rawEvent(message));
      const previous = Buffer.from('ab'.repeat(32), 'hex');
      const [found] = await database.query<{ hash: Buffer; data: unknown }>(
        `select event_hash($1, $2::uuid, $3, $4, $5, $6::timestamptz, $7::jsonb) as hash, $7::jsonb as data`,
        [previous, row.eventId, row.type, row.schemaVersion, row.subjectId, row.occurredAt, row.data],
      );
      expect(found?.hash).toEqual(eventHash(previous, row));
      const metadata = JSON.parse(row.metadata);
      const deep = metadata.quoted?.startsWith('dropped');
      expect(unquoted(found?.data, metadata)).toEqual(deep ? null : JSON.parse(jsonbText(message.data)));
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

test('an event without a usable time happened when it was stored', () => {
  expect(logRow('s', rawEvent({ time: 'yesterday' })).occurredAt).toBe('2026-01-02T03:04:05.700Z');
});

test('an event whose id is no UUID gets the same one every time', () => {
  const rows = [logRow('s', rawEvent({ id: 'mine' })), logRow('s', rawEvent({ id: 'mine', sequence: 9 }))];
  expect(rows[0]?.eventId).toBe(rows[1]?.eventId);
  expect(JSON.parse(rows[0]?.metadata ?? '')).toMatchObject({ originalId: 'mine' });
});

function nested(levels: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
