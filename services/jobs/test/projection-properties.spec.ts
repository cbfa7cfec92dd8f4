/** What holds of every projection: it does not matter in which portions events come, how often, and how streams interleave. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventTypeOf } from '#contracts/events/registry.js';
import { seededHistory } from '../../../test/support/seeded-history.js';
import type { StreamedEvent } from '../../../test/support/seeded-journal.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database, Transaction } from '../src/database/database.js';
import type { LoggedEvent } from '../src/event-log/logged-event.js';
import { type Projection, tableNames } from '../src/projections/projection.js';
import { PROJECTIONS } from '../src/projections/registry.js';
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

/** Far from the versions that there are. */
const [ONE, OTHER] = [1_001, 1_002];
const RECORDED_AT = '2026-02-01T00:00:00.000Z';
const RUNS = { numRuns: 5 };

const histories = fc
  .record({ seed: fc.nat(2 ** 31 - 1), events: fc.integer({ min: 1, max: 500 }) })
  .map((options) => [...seededHistory({ ...options, users: 4 })]);

/** Portions of a log, in order, each of which may begin again before the end of the one before. */
const portions = fc.array(fc.record({ length: fc.integer({ min: 1, max: 200 }), back: fc.nat(80) }), {
  minLength: 1,
  maxLength: 12,
});

describe.each(PROJECTIONS)('projection $name', (projection) => {
  test('events in portions, some of them twice › the same tables as all at once', async () => {
    const property = fc.asyncProperty(histories, portions, async (history, sizes) => {
      const events = takenBy(projection, logOf(history));
      await expectSameTables(projection, [events], portionsOf(events, sizes));
    });
    await fc.assert(property, RUNS);
  });

  test('the streams logged one beside the other in another way › the same tables, but for positions', async () => {
    const property = fc.asyncProperty(histories, fc.infiniteStream(fc.boolean()), async (history, turns) => {
      const one = takenBy(projection, logOf(history));
      const other = takenBy(projection, logOf(interleaved(history, turns)));
      await expectSameTables(projection, [one], [other], ['position', 'favorite_position']);
    });
    await fc.assert(property, RUNS);
  });
});

/** As a log gives them back that was written in this order. */
function logOf(history: readonly StreamedEvent[]): LoggedEvent[] {
  return history.map(({ raw }, at) => {
    const { id, time, sequence, subjectId, data } = raw;
    const type = eventTypeOf(raw.cloudEventType);
    return { type, id, time, sequence, subjectId, data, position: at + 1, recordedAt: RECORDED_AT } as LoggedEvent;
  });
}

function takenBy({ takes }: Projection, events: readonly LoggedEvent[]): LoggedEvent[] {
  return events.filter(({ type }) => takes.includes(type));
}

function portionsOf(
  events: readonly LoggedEvent[],
  sizes: readonly { length: number; back: number }[],
): LoggedEvent[][] {
  const found: LoggedEvent[][] = [];
  let end = 0;
  for (let turn = 0; end < events.length; turn++) {
    const { length, back } = sizes[turn % sizes.length] ?? { length: 1, back: 0 };
    const from = Math.max(0, end - back);
    end += length;
    found.push(events.slice(from, end));
  }
  return found;
}

/** Each stream in its order, taken from in turns. */
function interleaved(history: readonly StreamedEvent[], turns: Iterable<boolean>): StreamedEvent[] {
  const [one = [], other = []] = Map.groupBy(history, ({ stream }) => stream).values();
  const [left, right] = [[...one], [...other]];
  const mixed: StreamedEvent[] = [];
  for (const turn of turns) {
    const next = (turn ? left.shift() : right.shift()) ?? left.shift() ?? right.shift();
    if (!next) return mixed;
    mixed.push(next);
  }
  return mixed;
}

/** Writes both ways into tables that vanish with the transaction. */
async function expectSameTables(
  projection: Projection,
  one: readonly LoggedEvent[][],
  other: readonly LoggedEvent[][],
  without: readonly string[] = [],
): Promise<void> {
  const compared = database.transaction(async (tx) => {
    await writeTables(tx, projection, ONE, one);
    await writeTables(tx, projection, OTHER, other);
    for (const table of projection.tables) {
      const expected = await contents(tx, tableNames(ONE)(table), without);
      expect(await contents(tx, tableNames(OTHER)(table), without)).toEqual(expected);
    }
    throw new NothingKept();
  });
  await expect(compared).rejects.toThrow(NothingKept);
}

class NothingKept extends Error {}

async function writeTables(
  tx: Transaction,
  projection: Projection,
  version: number,
  portions: readonly LoggedEvent[][],
): Promise<void> {
  const named = tableNames(version);
  await projection.createTables(tx, named);
  for (const portion of portions) await projection.apply(tx, named, portion);
}

function contents(tx: Transaction, table: string, without: readonly string[]): Promise<unknown[]> {
  return tx.query(`select to_jsonb(row) - $1::text[] as row from ${table} row order by 1`, [without]);
}
