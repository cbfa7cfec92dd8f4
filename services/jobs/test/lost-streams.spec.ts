import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { accountKeyOf } from '#contracts/ids.js';
import { ACCOUNT_STREAM, JOB_STREAM, STREAMS } from '#contracts/streams.js';
import { LogReader, type RawEvent } from '#eventing/log-reader.js';
import { readQueueDepth } from '#eventing/queue-depth.js';
import { createTopology } from '#eventing/topology.js';
import { firstSequenceAfter, LogSeed } from '../src/event-log/log-seed.js';
import { LostStreams } from '../src/event-log/lost-streams.js';
import { positionBefore } from '../src/event-log/position-before.js';
import {
  type Fixture,
  type Leader,
  logLines,
  openFixture,
  SIZES,
  silent,
  startLeader,
  untilLogged,
  untilProjected,
  writeLog,
} from './jobs-fixture.js';
import { SomeAccounts } from './some-accounts.js';
import { aRequest, makeJob, start, work } from './some-jobs.js';

let fixture: Fixture;
let accounts: SomeAccounts;
let leader: Leader | undefined;

async function loseStreams(): Promise<void> {
  for (const { name } of STREAMS) await fixture.bus.jsm.streams.delete(name);
}

function restore(): Promise<void> {
  const { bus, database } = fixture;
  return createTopology(bus, SIZES, undefined, new LostStreams({ database, log: silent }).restore);
}

function all(stream: string): Promise<RawEvent[]> {
  return new LogReader(fixture.bus, stream).read(1, 10_000);
}

/** Without the places that the stream gave them. */
function unplaced(events: readonly RawEvent[]) {
  return events.map(({ sequence: _, storedAt: __, ...event }) => event);
}

function byId(events: readonly RawEvent[]) {
  return unplaced(events).sort((a, b) => a.id.localeCompare(b.id));
}

test.each([
  [1, 10_000_001],
  [9_000_000, 10_000_001],
  [9_000_001, 20_000_001],
  [10_000_050, 20_000_001],
])('a stream whose last logged sequence was %d begins again at %d', (last, first) => {
  expect(firstSequenceAfter(last)).toBe(first);
});

describe('on a platform', () => {
  beforeEach(async () => {
    fixture = await openFixture();
    accounts = new SomeAccounts(fixture.bus);
  });
  afterEach(async () => {
    await leader?.stop();
    leader = undefined;
    await fixture.close();
  });

  describe('streams that are lost', () => {
    test('are filled with what the log has: the same ids, times, subjects and data, above the old sequences', async () => {
      await makeJob(fixture.store);
      const open = aRequest();
      await fixture.store.request(open);
      await start(fixture.store, open.jobId);
      await makeJob(fixture.store, { prompt: { text: 'a NUL \0 and half a pair \ud83d' } });
      await accounts.grant('alice', 5);
      await accounts.reserve('alice', open.jobId, 2);
      await writeLog(fixture);
      const before = { jobs: await all(JOB_STREAM.name), accounts: await all(ACCOUNT_STREAM.name) };
      await loseStreams();
      await restore();
      const after = { jobs: await all(JOB_STREAM.name), accounts: await all(ACCOUNT_STREAM.name) };
      expect(byId(after.jobs)).toEqual(byId(before.jobs));
      expect(unplaced(after.accounts)).toEqual(unplaced(before.accounts));
      expect(after.jobs[0]?.sequence).toBe(10_000_001);
      // Those of the open job stand last, and only they make work.
      expect(after.jobs.slice(-2).map(({ subjectId }) => subjectId)).toEqual([open.jobId, open.jobId]);
      expect(await readQueueDepth(fixture.bus, 'sdxl_queue')).toMatchObject({ waiting: 1 });
      expect(await accounts.of('alice')).toMatchObject({ balance: 3, reservations: { [open.jobId]: 2 } });
    });

    test('while a service leads › it goes on behind them in a new epoch, with no event twice', async () => {
      leader = startLeader(fixture);
      const before = await makeJob(fixture.store);
      const open = aRequest();
      await fixture.store.request(open);
      await untilProjected(fixture);
      const lines = await logLines(fixture.database);
      await loseStreams();
      await restore();
      await work(fixture.store, open);
      await makeJob(fixture.store);
      await untilProjected(fixture);
      const now = await logLines(fixture.database);
      expect(now.slice(0, lines.length)).toEqual(lines);
      expect(now.map(({ position }) => position)).toEqual(now.map((_, at) => at + 1));
      expect(new Set(now.map(({ event_id }) => event_id)).size).toBe(lines.length + 4 + 5);
      expect(new Set(now.slice(lines.length).map(({ stream_epoch }) => stream_epoch))).toEqual(new Set([2]));
      expect(await statusesOf([before.jobId, open.jobId])).toEqual(['completed', 'completed']);
      expect((await leader.metrics.eventsMissed.get()).values).toEqual([]);
    });

    test('twice › come back twice, higher each time', async () => {
      const request = await makeJob(fixture.store);
      await writeLog(fixture);
      for (const first of [10_000_001, 20_000_001]) {
        await loseStreams();
        await restore();
        expect((await all(JOB_STREAM.name)).map(({ sequence }) => sequence)[0]).toBe(first);
        await writeLog(fixture);
      }
      expect((await fixture.store.load(request.jobId))?.status).toBe('completed');
      expect(await logLines(fixture.database)).toHaveLength(5);
    });

    test('of which the log knows nothing › are made empty', async () => {
      await loseStreams();
      await restore();
      expect(await new LogReader(fixture.bus, JOB_STREAM.name).position()).toMatchObject({
        firstSequence: 0,
        lastSequence: 0,
      });
    });

    test('and Postgres is away › are not made: nobody knows whether they are new', async () => {
      await loseStreams();
      const away = { query: () => Promise.reject(new Error('away')) } as unknown as Fixture['database'];
      const { restore } = new LostStreams({ database: away, log: silent });
      await expect(createTopology(fixture.bus, SIZES, AbortSignal.timeout(400), restore)).rejects.toThrow(/time/);
      await expect(fixture.bus.jsm.streams.info(JOB_STREAM.name)).rejects.toThrow(/not found/);
    });

    test('and two services see it › are filled once', async () => {
      await makeJob(fixture.store);
      await writeLog(fixture);
      await loseStreams();
      await Promise.all([restore(), restore()]);
      expect(await all(JOB_STREAM.name)).toHaveLength(5);
      await writeLog(fixture);
      expect(await logLines(fixture.database)).toHaveLength(5);
    });
  });

  test('what is to be filled in is counted by what has ended and what is open', async () => {
    await makeJob(fixture.store);
    await fixture.store.request(aRequest());
    await accounts.grant('alice', 1);
    await writeLog(fixture);
    const sizeOf = (spec: typeof JOB_STREAM, now = Date.now()) => new LogSeed(fixture.database, spec, 1, now).size();
    expect(await sizeOf(JOB_STREAM)).toEqual({ finished: 5, open: 1 });
    expect(await sizeOf(ACCOUNT_STREAM)).toEqual({ finished: 0, open: 1 });
    // What the stream would have let go by its age does not come back; accounts are kept for ever.
    const later = Date.now() + JOB_STREAM.maxAgeMs + 60_000;
    expect(await sizeOf(JOB_STREAM, later)).toEqual({ finished: 0, open: 0 });
    expect(await sizeOf(ACCOUNT_STREAM, later)).toEqual({ finished: 0, open: 1 });
  });

  test('a position before a moment is found among any number of them', async () => {
    for (let job = 0; job < 3; job++) {
      await makeJob(fixture.store, { accountKey: accountKeyOf('bob') });
      await writeLog(fixture);
    }
    const rows = await fixture.database.query<{ position: number; recorded_at: Date }>(
      'select position, recorded_at from events order by position',
    );
    for (const moment of [new Date(0), ...rows.map((row) => row.recorded_at), new Date(Date.now() + 60_000)]) {
      const before = rows.filter(({ recorded_at }) => recorded_at < moment);
      expect(await positionBefore(fixture.database, moment)).toBe(before.at(-1)?.position ?? 0);
    }
  });
});

async function statusesOf(ids: readonly string[]): Promise<string[]> {
  await untilLogged(fixture);
  const rows = await fixture.database.query<{ id: string; status: string }>('select id, status from jobs');
  return ids.map((id) => rows.find((row) => row.id === id)?.status ?? 'missing');
}
