import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startJob } from '#contracts/domain/job-decisions.js';
import { ACCOUNT_STREAM, JOB_STREAM, STREAMS } from '#contracts/streams.js';
import { LogReader } from '#eventing/log-reader.js';
import { createTopology } from '#eventing/topology.js';
import { ENGINE } from '../../../libs/eventing/test/a-job.js';
import { runEventsTool, type ToolRun } from '../../../test/support/events-tool.js';
import { type Fixture, logLines, openFixture, SIZES, startLeader, untilLogged, writeLog } from './jobs-fixture.js';
import { SomeAccounts } from './some-accounts.js';
import { aRequest, makeJob } from './some-jobs.js';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture.close());

async function stream(...args: string[]): Promise<ToolRun & { answer: Record<string, unknown> }> {
  const { natsUrl: NATS_URL, databaseUrl: DATABASE_URL } = fixture;
  const run = await runEventsTool(['stream', ...args, '--json'], { NATS_URL, DATABASE_URL });
  return { ...run, answer: run.stdout === '' ? {} : JSON.parse(run.stdout) };
}

async function loseStreams(): Promise<void> {
  for (const { name } of STREAMS) await fixture.bus.jsm.streams.delete(name);
}

const SOUND = { notYetLogged: 0, missing: 0, different: 0, lost: 0 };

describe('stream reseed', () => {
  test('of streams that are there › does nothing', async () => {
    await makeJob(fixture.store);
    await writeLog(fixture);
    const { code, answer } = await stream('reseed', '--yes');
    expect([code, answer.done]).toEqual([0, false]);
    expect(answer.streams).toEqual([JOB_STREAM, ACCOUNT_STREAM].map(({ name }) => ({ stream: name, state: 'open' })));
  });

  test('of streams that are lost › tells what it would do, asks, and fills them', async () => {
    await makeJob(fixture.store);
    await fixture.store.request(aRequest());
    await new SomeAccounts(fixture.bus).grant('alice', 7);
    await writeLog(fixture);
    await loseStreams();
    const fill = { firstSequence: 10_000_001, finished: 5, open: 1 };
    const dry = await stream('reseed', '--dry-run');
    expect(dry).toMatchObject({ code: 0, answer: { done: false, streams: [{ state: 'missing', fill }, {}] } });
    const unasked = await stream('reseed');
    expect([unasked.code, unasked.stdout]).toEqual([4, '']);
    expect(unasked.stderr).toContain('--yes agrees');
    await expect(fixture.bus.jsm.streams.info(JOB_STREAM.name)).rejects.toThrow('not found');
    expect(await stream('reseed', '--yes')).toMatchObject({ code: 0, answer: { done: true } });
    await createTopology(fixture.bus, SIZES);
    expect(await new LogReader(fixture.bus, JOB_STREAM.name).position()).toMatchObject({ lastSequence: 10_000_006 });
    expect((await new SomeAccounts(fixture.bus).of('alice')).balance).toBe(7);
    expect(await stream('reconcile')).toMatchObject({ code: 0, answer: { sound: true, added: 0 } });
  });

  test('without NATS › ends with its own code', async () => {
    const { code, stderr } = await runEventsTool(['stream', 'reseed', '--yes'], {
      NATS_URL: 'nats://127.0.0.1:1',
      DATABASE_URL: fixture.databaseUrl,
    });
    expect([code, stderr]).toEqual([3, 'NATS does not answer at nats://127.0.0.1:1\n']);
  });
});

describe('stream reconcile', () => {
  test('while nobody writes the log › writes what is not logged yet', async () => {
    await makeJob(fixture.store);
    await writeLog(fixture);
    await makeJob(fixture.store);
    const dry = await stream('reconcile', '--dry-run');
    expect(dry).toMatchObject({
      code: 0,
      answer: { sound: true, streams: [{ messages: 10, notYetLogged: 5 }, SOUND] },
    });
    expect(await stream('reconcile', '--yes')).toMatchObject({
      code: 0,
      answer: { sound: true, added: 5, streams: [{ messages: 10, ...SOUND }, SOUND] },
    });
    expect(await logLines(fixture.database)).toHaveLength(10);
  });

  test('of events that the writer passed over › finds them, and writes them behind the others', async () => {
    const { jobId } = await makeJob(fixture.store);
    const sql = `insert into stream_checkpoint select $1, 1, 3, event_id from (select null::text as event_id) as none`;
    await fixture.database.query(sql, [JOB_STREAM.name]);
    await writeLog(fixture);
    expect(await stream('reconcile', '--dry-run')).toMatchObject({
      code: 1,
      answer: { sound: false, streams: [{ messages: 5, missing: 3 }, SOUND] },
    });
    const leader = startLeader(fixture);
    await leader.leading;
    expect(await stream('reconcile', '--yes')).toMatchObject({ code: 4, stdout: '' });
    await leader.stop();
    expect(await stream('reconcile', '--yes')).toMatchObject({ code: 0, answer: { sound: true, added: 3 } });
    const lines = await logLines(fixture.database);
    expect(lines.map(({ position, stream_epoch }) => [position, stream_epoch])).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 2],
      [5, 2],
    ]);
    expect(new Set(lines.map(({ subject_id }) => subject_id))).toEqual(new Set([jobId]));
  });

  test('of a stream that has lost what the log has › says how much', async () => {
    await makeJob(fixture.store);
    await writeLog(fixture);
    await loseStreams();
    await createTopology(fixture.bus, SIZES);
    const open = aRequest();
    await fixture.store.request(open);
    await fixture.store.execute(open.jobId, (job) => startJob(job, { worker: 'w1', engine: ENGINE }));
    const { code, answer } = await stream('reconcile', '--yes');
    expect({ code, answer }).toMatchObject({
      code: 1,
      answer: { sound: false, added: 2, streams: [{ lost: 5 }, SOUND] },
    });
  });

  test('while a jobs service leads › compares, and leaves the writing to it', async () => {
    const leader = startLeader(fixture);
    await leader.leading;
    await makeJob(fixture.store);
    await untilLogged(fixture);
    expect(await stream('reconcile')).toMatchObject({ code: 0, answer: { sound: true } });
    await leader.stop();
  });
});
