import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '#contracts/domain/job.js';
import { jobSubject } from '#contracts/subjects.js';
import { recordRefusal } from '#eventing/audit.js';
import { JobStore } from '#eventing/job-store.js';
import { pollUntil } from '#launcher/poll.js';
import { Database } from '../src/database/database.js';
import { type EventMetadata, unquoted } from '../src/event-log/log-row.js';
import { lockHead, SupersededError, takeOverLog } from '../src/event-log/log-statements.js';
import {
  type Fixture,
  type Leader,
  type LogLine,
  logLines,
  openFixture,
  recreateStreams,
  silent,
  startLeader,
  untilLogged,
  untilProjected,
} from './jobs-fixture.js';
import { aRequest, cancel, makeJob } from './some-jobs.js';

let fixture: Fixture;
const leaders: Leader[] = [];

beforeAll(async () => {
  fixture = await openFixture();
});
afterEach(async () => {
  for (const leader of leaders.splice(0)) await leader.stop();
});
afterAll(async () => {
  await fixture.close();
});

function lead(): Leader {
  const leader = startLeader(fixture);
  leaders.push(leader);
  return leader;
}

function expectGapFree(lines: readonly LogLine[]): void {
  expect(lines.map((line) => line.position)).toEqual(lines.map((_, index) => index + 1));
  expect(new Set(lines.map((line) => line.event_id)).size).toBe(lines.length);
}

/** The hash chain, recomputed by Postgres from the rows alone. */
async function brokenLinks(): Promise<unknown[]> {
  return fixture.database.query(`
    select position from (
      select position, hash, event_hash(lag(hash) over (partition by subject_id order by position), event_id, type,
                                        schema_version, subject_id, occurred_at, data) as expected from events) links
     where hash <> expected`);
}

describe('when events are stored', () => {
  test('each is in the log once, in order, at positions without a gap, chained by hash', async () => {
    lead();
    const requests = await Promise.all(Array.from({ length: 40 }, () => makeJob(fixture.store)));
    await untilLogged(fixture);
    const lines = await logLines(fixture.database);
    expect(lines).toHaveLength(requests.length * 5);
    expectGapFree(lines);
    const mine = lines.filter((line) => line.subject_id === requests[0]?.jobId);
    expect(mine.map((line) => line.type.split('.').at(-1))).toEqual([
      'requested',
      'started',
      'asset-stored',
      'asset-stored',
      'completed',
    ]);
    expect(await brokenLinks()).toEqual([]);
  });

  test('what the gateway refused is in the log as well, without a prompt', async () => {
    const refused = { accountKey: 'e'.repeat(32), userId: 'eve', category: 'minors' as const, rule: 'minors-phrase' };
    const data = { ...refused, route: 'POST /api/queue-job', count: 3 };
    await recordRefusal(fixture.bus, data, `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
    lead();
    const select = 'select type, data from events where subject_id = $1';
    const row = await pollUntil('the refusal to be logged', 15_000, async () => {
      return (await fixture.database.query(select, [refused.accountKey]))[0];
    });
    expect(row).toEqual({ type: 'com.ourvidz.audit.request-refused', data });
  });

  test('a changed row would break the chain', async () => {
    const [row] = await fixture.database.query(`
      select hash <> event_hash(null, event_id, type, schema_version, subject_id, occurred_at, data || '{"x": 1}') as broken
        from events where position = 1`);
    expect(row).toEqual({ broken: true });
  });

  test('text that jsonb cannot hold is kept as it was, and does not stop the log', async () => {
    lead();
    const request = aRequest({ clientMetadata: { 'k\0': 'half \ud800 of a pair' } });
    await fixture.store.request(request);
    await fixture.store.request(aRequest());
    await untilLogged(fixture);
    const line = (await logLines(fixture.database)).find(({ subject_id }) => subject_id === request.jobId);
    expect(line?.metadata.quoted).toBe('a character that jsonb cannot hold');
    expect(unquoted(line?.data, line?.metadata as unknown as EventMetadata)).toEqual(request);
  });
});

describe('when a message is no event at all', () => {
  test('it is logged all the same, and a later leader goes on behind it', async () => {
    const leader = lead();
    await leader.leading;
    const subject = jobSubject('sdxl', 'bulk', 'requested', 'nobody');
    await fixture.bus.nc.request(subject, 'not {json');
    await untilLogged(fixture);
    expect((await logLines(fixture.database)).at(-1)).toMatchObject({
      type: 'unknown',
      subject_id: subject,
      data: { notJson: 'not {json' },
    });
    await leader.stop();
    lead();
    const { jobId } = await makeJob(fixture.store);
    await untilLogged(fixture);
    const lines = await logLines(fixture.database);
    expect(lines.at(-1)?.subject_id).toBe(jobId);
    expect(new Set(lines.map((line) => line.stream_epoch))).toEqual(new Set([1]));
  });
});

describe('when the connection of the writer is cut in the middle of a transaction', () => {
  test('nothing is doubled and nothing is missing', async () => {
    const leader = lead();
    await leader.leading;
    const appends = appendFor(1_200);
    let cuts = 0;
    const cutting = pollUntil('some cuts', 15_000, async () => {
      cuts += (await cutWriters()).length;
      return cuts >= 4 ? true : undefined;
    });
    await Promise.all([appends, cutting]);
    await untilLogged(fixture);
    expectGapFree(await logLines(fixture.database));
    expect(await brokenLinks()).toEqual([]);
  });

  async function appendFor(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (performance.now() < end) await Promise.all(Array.from({ length: 10 }, () => makeJob(fixture.store)));
  }

  function cutWriters(): Promise<unknown[]> {
    return fixture.database.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and query ilike '%into events%' and state <> 'idle'`);
  }
});

describe('when the leader is gone', () => {
  test('another service has taken over within 5 s', async () => {
    const first = await new Database(fixture.databaseUrl, silent).openSession(5_000);
    first.on('error', () => undefined);
    await first.query('select pg_advisory_lock(7241002)');
    const second = lead();
    await makeJob(fixture.store);
    expect(await Promise.race([second.leading, first.query("select 'not yet' as it").then(() => 'not yet')])).toBe(
      'not yet',
    );
    const diedAt = performance.now();
    await first.end();
    await second.leading;
    await untilLogged(fixture);
    expect(performance.now() - diedAt).toBeLessThan(5_000);
    expectGapFree(await logLines(fixture.database));
  });

  test('what it still writes is refused', async () => {
    const old = await takeOverLog(fixture.database);
    const generation = await takeOverLog(fixture.database);
    await expect(fixture.database.transaction((tx) => lockHead(tx, old))).rejects.toThrow(SupersededError);
    await expect(fixture.database.transaction((tx) => lockHead(tx, generation))).resolves.toBeGreaterThan(0);
  });

  test('a leader that stands still loses its lock', async () => {
    const asleep = new Database(fixture.databaseUrl, silent);
    const session = await asleep.openSession(5_000);
    session.on('error', () => undefined);
    await session.query("set idle_session_timeout = '1s'; select pg_advisory_lock(7241002)");
    const awake = lead();
    await awake.leading;
    await asleep.close();
  });
});

describe('when the stream is deleted and made again', () => {
  test('a new epoch begins, and the events of both are in the log', async () => {
    const leader = lead();
    await leader.leading;
    await untilLogged(fixture);
    const before = await logLines(fixture.database);
    await recreateStreams(fixture.bus);
    const store = new JobStore(fixture.bus);
    const request = await makeJob(store);
    await untilEpoch(2);
    await untilLogged(fixture);
    const lines = await logLines(fixture.database);
    expectGapFree(lines);
    expect(lines.slice(0, before.length)).toEqual(before);
    const fresh = lines.slice(before.length);
    expect(new Set(fresh.map((line) => line.stream_epoch))).toEqual(new Set([2]));
    expect(fresh.map((line) => line.subject_id)).toEqual(fresh.map(() => request.jobId));
    expect((await leader.metrics.streamEpochs.get()).values.some(({ value }) => value === 1)).toBe(true);
  });

  test('it is noticed at the start too, also when the new stream is longer', async () => {
    await recreateStreams(fixture.bus);
    const store = new JobStore(fixture.bus);
    for (let count = 0; count < 4; count++) await makeJob(store);
    lead();
    await untilEpoch(3);
    await untilLogged(fixture);
    const lines = await logLines(fixture.database);
    expectGapFree(lines);
    expect(lines.filter((line) => line.stream_epoch === 3)).toHaveLength(20);
  });

  async function untilEpoch(epoch: number): Promise<void> {
    await pollUntil('the new epoch', 10_000, async () => {
      const rows = await fixture.database.query(
        "select 1 from stream_checkpoint where epoch = $1 and stream = 'OURVIDZ_JOBS'",
        [epoch],
      );
      return rows[0];
    });
  }
});

describe('when an event is published twice', () => {
  test('it is logged once, and the job in the projection is the one in the stream', async () => {
    lead();
    const store = new JobStore(fixture.bus);
    const request = aRequest();
    await Promise.all(Array.from({ length: 5 }, () => store.request(request)));
    await Promise.all(Array.from({ length: 5 }, () => cancel(store, request.jobId)));
    await untilProjected(fixture);
    const lines = (await logLines(fixture.database)).filter((line) => line.subject_id === request.jobId);
    expect(lines).toHaveLength(2);
    const [row] = await fixture.database.query<{ state: Job }>('select state from jobs where id = $1', [request.jobId]);
    expect(row?.state).toEqual(JSON.parse(JSON.stringify(await store.load(request.jobId))));
  });
});
