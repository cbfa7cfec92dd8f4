import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { pollUntil } from '#launcher/poll.js';
import { serverSentEvents } from '../support/job-events.js';
import { Platform } from '../support/platform.js';
import { listedAssets, logOf, query, REQUEST, untilEvent } from './jobs-over-http.js';

/** A job with six pictures makes as many. */
const EVENTS_OF_A_JOB = 9;

let platform: Platform;

beforeEach(async () => {
  platform = await Platform.start();
});

afterEach(() => platform.close());

describe('when JetStream is deleted while Postgres lives', () => {
  it('nothing has to be restarted: old jobs are there as before, new ones are made, and a new epoch begins', async () => {
    withOutput();
    const processes = [...platform.running].map(({ child }) => child);
    const before = await aMadeJob();
    await replaceStream(async (folder) => rm(folder, { recursive: true }));
    const after = await aMadeJob();
    expect(await epochsOf(before)).toEqual([1]);
    expect(await epochsOf(after)).toEqual([2]);
    expect(await logOf(platform.databaseUrl)).toEqual({ gaps: 0, doubled: 0, events: 2 * EVENTS_OF_A_JOB });
    const old = await (await platform.fetch(`/api/jobs/${before}`)).json();
    expect(old).toMatchObject({ id: before, status: 'completed' });
    const { assets } = await listedAssets(platform, before, 6);
    for (const { url } of assets) expect((await fetch(url)).status).toBe(200);
    for (const { exitCode, signalCode } of processes) expect([exitCode, signalCode]).toEqual([null, null]);
  });

  it('open jobs end, balances and projects are the same, no finished job is made again, event ids go on rising', async () => {
    withOutput();
    const made = await aMadeJob();
    const project = await aProject();
    for (const key of ['first', 'second']) expect(await grantOnce(key)).toBe(false);
    const [worker] = [...platform.running].filter(({ name }) => name === 'sdxl-worker');
    await worker?.end();
    const waiting = await queueWithKey();
    await expect.poll(() => reservedCredits(), { timeout: 10_000, interval: 20 }).toBe(1);
    const before = await whatTheUserHas(project);
    const lastId = await lastEventId(waiting);
    // What was stored and not logged when the files are lost is lost with them.
    await expect
      .poll(loggedSubjects, { timeout: 10_000, interval: 20 })
      .toEqual(expect.arrayContaining([project, waiting]));
    await replaceStream(async (folder) => rm(folder, { recursive: true }));
    await expect.poll(() => whatTheUserHas(project), { timeout: 10_000, interval: 50 }).toEqual(before);
    expect(await queueWithKey()).toBe(waiting);
    expect([await grantOnce('first'), await grantOnce('second')]).toEqual([true, true]);
    await platform.startWorker();
    expect(await untilEvent(platform, waiting, 'done')).toMatchObject({ status: 'completed' });
    await expect.poll(() => reservedCredits(), { timeout: 10_000, interval: 20 }).toBe(0);
    expect(await lastEventId(waiting)).toBeGreaterThan(lastId);
    await expect
      .poll(() => logOf(platform.databaseUrl))
      .toEqual({
        ...{ gaps: 0, doubled: 0 },
        events: 2 * EVENTS_OF_A_JOB,
      });
    await expect.poll(queueDepth, { timeout: 10_000, interval: 50 }).toBe(0);
    expect(await epochsOf(made)).toEqual([1]);
  });
});

describe('when Postgres is deleted while JetStream lives', () => {
  it('the log and the projections are filled again from the stream, the same as before', async () => {
    withOutput();
    const jobs = [await aMadeJob(), await aMadeJob()];
    const before = await contents();
    await emptyDatabase();
    for (const id of jobs) await listedAssets(platform, id, 6);
    await expect.poll(contents, { timeout: 10_000, interval: 50 }).toEqual(before);
    jobs.push(await aMadeJob());
    expect(await logOf(platform.databaseUrl)).toEqual({ gaps: 0, doubled: 0, events: 3 * EVENTS_OF_A_JOB });
    const listed = (await (await platform.fetch('/api/jobs')).json()) as { jobs: { id: string }[] };
    expect(listed.jobs.map(({ id }) => id)).toEqual(jobs.toReversed());
  });
});

describe('a stream that was rolled back', () => {
  it('is noticed after the reconnect; what it lost stays in the log, and nothing is in there twice', async () => {
    withOutput();
    const kept = await aMadeJob();
    const copy = await copyOfStream();
    const rolledBack = await aMadeJob();
    await replaceStream(async (folder) => {
      await rm(folder, { recursive: true });
      await cp(copy, folder, { recursive: true });
    });
    const after = await aMadeJob();
    expect(await Promise.all([kept, rolledBack, after].map(epochsOf))).toEqual([[1], [1], [2]]);
    expect(await logOf(platform.databaseUrl)).toEqual({ gaps: 0, doubled: 0, events: 3 * EVENTS_OF_A_JOB });
    expect((await (await platform.fetch(`/api/jobs/${rolledBack}`)).json()) as object).toMatchObject({
      status: 'completed',
    });
  });

  it('and has other events since, as many as it lost › is noticed when the jobs service starts', async () => {
    withOutput();
    const copy = await copyOfStream();
    const rolledBack = await aMadeJob();
    const [jobs] = [...platform.running].filter(({ name }) => name === 'jobs');
    await jobs?.end();
    await replaceStream(async (folder) => {
      await rm(folder, { recursive: true });
      await cp(copy, folder, { recursive: true });
    });
    const after = await queueOnceTaken();
    await untilEvent(platform, after, 'done');
    await platform.startService('jobs');
    await listedAssets(platform, after, 6);
    expect(await Promise.all([rolledBack, after].map(epochsOf))).toEqual([[1], [2]]);
    expect(await logOf(platform.databaseUrl)).toEqual({ gaps: 0, doubled: 0, events: 2 * EVENTS_OF_A_JOB });
  });
});

async function queueWithKey(): Promise<string> {
  const headers = { 'idempotency-key': 'a-key' };
  const answer = await (await platform.fetch('/api/queue-job', { body: REQUEST, headers })).json();
  expect(answer).toMatchObject({ success: true });
  return (answer as { job: { id: string } }).job.id;
}

/** Gives alice a credit; resolves with whether that was done before. */
async function grantOnce(key: string): Promise<boolean> {
  const token = await platform.token('root', { role: 'admin' });
  const response = await platform.fetch('/api/admin/credits', {
    headers: { authorization: `Bearer ${token}`, 'idempotency-key': key },
    body: { user_id: 'alice', amount: 1, reason: 'test' },
  });
  expect(response.status).toBe(200);
  return response.headers.get('idempotent-replayed') === 'true';
}

async function aProject(): Promise<string> {
  const response = await platform.fetch('/api/projects', { body: { original_prompt: 'a lighthouse' } });
  return ((await response.json()) as { id: string }).id;
}

/** What would be lost with the account stream. */
async function whatTheUserHas(project: string) {
  const paths = ['/api/credits', `/api/projects/${project}`];
  return Promise.all(paths.map(async (path) => (await platform.fetch(path)).json()));
}

async function queueDepth(): Promise<number> {
  return ((await (await platform.fetch('/api/queue-status')).json()) as { queueDepth: number }).queueDepth;
}

async function loggedSubjects(): Promise<string[]> {
  const rows = await query<{ subject_id: string }>(platform.databaseUrl, 'select distinct subject_id from events');
  return rows.map(({ subject_id }) => subject_id);
}

async function reservedCredits(): Promise<number> {
  return ((await (await platform.fetch('/api/credits')).json()) as { reserved: number }).reserved;
}

/** The stream sequence up to which a watcher is told. */
async function lastEventId(id: string): Promise<number> {
  const response = await platform.fetch(`/api/jobs/${id}/events`);
  for await (const { id: eventId } of serverSentEvents(response)) if (eventId) return Number(eventId);
  throw new Error(`the events of ${id} have no ids`);
}

function withOutput(): void {
  onTestFailed(() => console.error(platform.output.join('')));
}

/** A job that was made, logged, listed and charged. */
async function aMadeJob(): Promise<string> {
  const id = await queueOnceTaken();
  expect(await untilEvent(platform, id, 'done')).toMatchObject({ status: 'completed' });
  await listedAssets(platform, id, 6);
  await expect.poll(async () => (await epochsOf(id)).length, { timeout: 10_000, interval: 20 }).toBeGreaterThan(0);
  await expect.poll(() => statusOfUsage(id), { timeout: 10_000, interval: 20 }).toBe('charged');
  return id;
}

async function statusOfUsage(id: string): Promise<string | undefined> {
  const sql = `select status from usage_log where job_id = '${id}'`;
  return (await query<{ status: string }>(platform.databaseUrl, sql))[0]?.status;
}

/** While the streams are made again, jobs are refused. */
function queueOnceTaken(): Promise<string> {
  return pollUntil('a job that is taken', 15_000, async () => {
    const response = await platform.fetch('/api/queue-job', { body: REQUEST });
    const answer = (await response.json()) as { job?: { id: string } };
    return answer.job?.id;
  });
}

/** The job's epochs in the log, once its end is in there. */
async function epochsOf(id: string): Promise<number[]> {
  const rows = await query<{ stream_epoch: number; type: string }>(
    platform.databaseUrl,
    `select stream_epoch, type from events where subject_id = '${id}' order by position`,
  );
  const whole = rows.length === EVENTS_OF_A_JOB;
  return whole ? [...new Set(rows.map((row) => row.stream_epoch))] : [];
}

async function copyOfStream(): Promise<string> {
  const copy = join(platform.folder.path, 'older-stream');
  await replaceStream((folder) => cp(folder, copy, { recursive: true }));
  return copy;
}

/** Does something to the files of JetStream while the server is down. */
async function replaceStream(change: (folder: string) => Promise<void>): Promise<void> {
  const { server, storeDir } = platform.nats;
  await server.stop();
  await change(join(storeDir, 'jetstream'));
  await server.restart();
  await expect.poll(async () => (await platform.fetch('/health/ready')).status, { timeout: 10_000 }).toBe(200);
}

/** Everything but the order in which the two streams were recorded, and when: it is another one the next time. */
async function contents() {
  const { databaseUrl } = platform;
  const log =
    'select stream, stream_epoch, stream_seq, event_id, type, subject_id, data, hash from events order by 1, 2, 3';
  const table = (name: string) =>
    query(databaseUrl, `select to_jsonb(t) - 'position' as row from ${name} t order by 1`);
  return {
    log: await query(databaseUrl, log),
    jobs: await table('jobs'),
    assets: await table('assets'),
    accounts: await table('accounts'),
    usage: await table('usage_log'),
  };
}

/** Ends all connections to the database and puts a new one in its place. */
async function emptyDatabase(): Promise<void> {
  const server = new URL(platform.databaseUrl);
  const name = server.pathname.slice(1);
  server.pathname = '/postgres';
  await query(server.href, `drop database ${name} with (force)`);
  await query(server.href, `create database ${name}`);
}
