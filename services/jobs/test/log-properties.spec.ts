/** What holds whatever happens: for made-up histories, in any order, published twice, with crashes at any statement. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RawEvent } from '#eventing/log-reader.js';
import { seededHistory } from '../../../test/support/seeded-history.js';
import type { StreamedEvent } from '../../../test/support/seeded-journal.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database } from '../src/database/database.js';
import { Doorbell } from '../src/doorbell.js';
import { EventLogWriter } from '../src/event-log/event-log-writer.js';
import { readHead, takeOverLog } from '../src/event-log/log-statements.js';
import { StreamFollower } from '../src/event-log/stream-follower.js';
import { JobsMetrics } from '../src/metrics.js';
import { openDatabase, silent } from './jobs-fixture.js';
import { anyCrash, CrashingDatabase, scriptedReader } from './scripted-faults.js';

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

/**
 * The log cannot be emptied, so every run adds to it: each needs a history of its own, and one that fails is not run again
 * in smaller forms.
 */
const eachHistoryOnce = { endOnFailure: true, numRuns: 12 };
const seed = fc.noBias(fc.nat(2 ** 31 - 1));

/** A history that was published in some order, some of it twice, and how the writer reads it and dies over it. */
const anyHistory = fc.record({
  seed,
  events: fc.integer({ min: 1, max: 400 }),
  reordered: fc.boolean(),
  /** One in so many is published a second time, later. */
  repeats: fc.integer({ min: 2, max: 10 }),
  /** The writer pauses behind every batch that is not full. */
  most: fc.integer({ min: 40, max: 500 }),
  crashes: fc.array(fc.option(anyCrash(6), { nil: undefined }), { maxLength: 12 }),
});
type AnyHistory = typeof anyHistory extends fc.Arbitrary<infer T> ? T : never;

describe('whatever is published, however often the writer dies', () => {
  test('every event is logged once, without a gap, chained; jobs end once at most and credits are the sum of the ledger', async () => {
    const property = fc.asyncProperty(anyHistory, async (history) => {
      const published = publish(history);
      const before = await readHead(database);
      await write(published, history);
      const logged = await rowsAfter(before);
      expect(logged.map(({ position }) => position)).toEqual(logged.map((_, at) => before + at + 1));
      expect(idsBySubject(logged)).toEqual(idsBySubject(published.map(asRow)));
      expect(await brokenLinks()).toEqual([]);
      expect(await jobsEndedTwice()).toEqual([]);
      if (!history.reordered) expect(await accountsOffTheirLedger(before)).toEqual([]);
    });
    await fc.assert(property, eachHistoryOnce);
  });
});

/** The streams' messages with their sequences: what is published twice keeps its id. */
function publish({ seed, events, reordered, repeats }: AnyHistory): StreamedEvent[] {
  const history = [...seededHistory({ seed, events, users: 5 })];
  const again = history.filter((_, at) => at % repeats === 0);
  const published = [...history, ...again];
  const ordered = reordered ? shuffled(published, seed) : published;
  const sequences = new Map<string, number>();
  return ordered.map(({ stream, raw }) => {
    const sequence = (sequences.get(stream) ?? 0) + 1;
    sequences.set(stream, sequence);
    return { stream, raw: { ...raw, sequence } };
  });
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  return fc.sample(fc.shuffledSubarray([...items], { minLength: items.length }), { numRuns: 1, seed })[0] ?? [];
}

/** Writers, one after the other: each works until it dies or has read everything. */
async function write(published: readonly StreamedEvent[], { most, crashes }: AnyHistory): Promise<void> {
  const readers = [...Map.groupBy(published, ({ stream }) => stream)].map(([stream, events]) =>
    scriptedReader(stream, rawOf(events), most),
  );
  const left = [...crashes];
  let died = true;
  while (died) {
    died = false;
    const term = new AbortController();
    const onCrash = () => {
      died = true;
      term.abort();
    };
    const crashing = new CrashingDatabase(database, left, onCrash) as unknown as Database;
    const around = { database: crashing, log: silent, metrics: new JobsMetrics(), onWritten: () => undefined };
    const followers = readers.map((reader) => new StreamFollower(reader, silent));
    const writer = new EventLogWriter(followers, { ...around, bell: new LastBell(term) });
    await writer.run({ generation: await takeOverLog(database), signal: term.signal });
  }
}

/** Waited for when everything was read. */
class LastBell extends Doorbell {
  constructor(private readonly term: AbortController) {
    super();
  }

  override async wait(): Promise<void> {
    this.term.abort();
  }
}

interface Row {
  readonly stream: string;
  readonly event_id: string;
  readonly subject_id: string;
}

function rowsAfter(position: number): Promise<(Row & { position: number })[]> {
  const select = 'select position, stream, event_id, subject_id from events where position > $1 order by position';
  return database.query(select, [position]);
}

function asRow({ stream, raw }: StreamedEvent): Row {
  return { stream, event_id: raw.id, subject_id: raw.subjectId };
}

/** Every event once, where it came first. */
function idsBySubject(rows: readonly Row[]): Map<string, string[]> {
  const ids = new Map<string, Set<string>>();
  for (const { stream, subject_id, event_id } of rows) {
    const subject = `${stream} ${subject_id}`;
    ids.set(subject, (ids.get(subject) ?? new Set()).add(event_id));
  }
  return new Map([...ids].sort().map(([subject, set]) => [subject, [...set]]));
}

function rawOf(events: readonly StreamedEvent[]): RawEvent[] {
  return events.map(({ raw }) => raw);
}

function brokenLinks(): Promise<unknown[]> {
  return database.query(`
    select position from (
      select position, hash, event_hash(lag(hash) over (partition by subject_id order by position), event_id, type,
                                        schema_version, subject_id, occurred_at, data) as expected from events) links
     where hash <> expected`);
}

function jobsEndedTwice(): Promise<unknown[]> {
  return database.query(`
    select subject_id from events where type ~ '^com[.]ourvidz[.]job[.](completed|failed|cancelled)$'
     group by subject_id having count(*) > 1`);
}

/** What an account holds by its last event, against what was granted without what was charged. */
function accountsOffTheirLedger(after: number): Promise<unknown[]> {
  const select = `
    with ledger as (
      select subject_id, position, data,
             case type when 'com.ourvidz.account.credits-granted' then (data->>'amount')::int
                       when 'com.ourvidz.account.credits-charged' then -(data->>'amount')::int else 0 end as change
        from events where type like 'com.ourvidz.account.%' and position > $1),
    sums as (
      select subject_id, sum(change) as ought, (array_agg(data order by position desc))[1] as last
        from ledger group by 1)
    select subject_id from sums
     where ought <> (last->>'balance')::int
                    + (select coalesce(sum(value::int), 0) from jsonb_each_text(last->'reservations'))`;
  return database.query(select, [after]);
}
