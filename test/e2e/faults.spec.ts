import { once } from 'node:events';
import { afterEach, describe, expect, it, onTestFailed } from 'vitest';
import { type PostgresServer, startPostgres } from '#launcher/postgres-server.js';
import { Platform, type PlatformOptions } from '../support/platform.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { listedAssets, logOf, query, queueJob, REQUEST, untilEvent } from './jobs-over-http.js';

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe('a worker that is killed in the middle of a job', () => {
  it('costs nothing: another one ends the job once, with exactly six assets', { timeout: 90_000 }, async () => {
    const platform = await start({ previewMs: 3_000, workers: 1 });
    const id = await queueJob(platform);
    await untilEvent(platform, id, 'asset');
    const [worker] = [...platform.running].filter((service) => service.name === 'sdxl-worker');
    await worker?.end('SIGKILL');
    await platform.startWorker({ PREVIEW_DURATION_MS: '0' });
    const done = await untilEvent(platform, id, 'done');
    expect(done).toMatchObject({ status: 'completed' });
    expect(await historyCount(platform, id, 'completed')).toBe(1);
    const { assets } = await listedAssets(platform, id, 6);
    expect(new Set(assets.map((asset) => asset.index))).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  });
});

describe('while NATS is away', () => {
  it('jobs are refused with 503 and when to try again; when it is back, all goes on', async () => {
    const platform = await start({});
    await platform.nats.server.kill('SIGKILL');
    const refused = await platform.fetch('/api/queue-job', { body: REQUEST });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ success: false, code: 'queue_unavailable', retryable: true });
    await platform.nats.server.restart();
    await expect.poll(async () => (await platform.fetch('/health/ready')).status, { timeout: 10_000 }).toBe(200);
    const id = await queueJob(platform);
    expect(await untilEvent(platform, id, 'done')).toMatchObject({ status: 'completed' });
  });
});

describe('while Postgres is away', () => {
  it('jobs are taken and made, lists answer 503, and the log catches up without a gap', async () => {
    const postgres = await ownPostgres();
    const platform = await start({ databaseUrl: postgres.url });
    const before = await queueJob(platform);
    await untilEvent(platform, before, 'done');
    await listedAssets(platform, before, 6);
    await postgres.kill('SIGKILL');
    const during = await queueJob(platform);
    expect(await untilEvent(platform, during, 'done')).toMatchObject({ status: 'completed' });
    const list = await platform.fetch('/api/assets');
    expect(list.status).toBe(503);
    expect(await list.json()).toMatchObject({ code: 'lists_unavailable', retryable: true });
    await postgres.restart();
    await listedAssets(platform, during, 6);
    expect(await logOf(postgres.url)).toEqual({ gaps: 0, doubled: 0, events: 18 });
  });
});

describe('two jobs services', () => {
  it('write one log; when the writer is killed the other takes over within five seconds', async () => {
    const postgres = await ownPostgres();
    const platform = await start({ databaseUrl: postgres.url });
    const [first] = [...platform.running].filter((service) => service.name === 'jobs');
    await platform.startService('jobs');
    await untilEvent(platform, await queueJob(platform), 'done');
    await first?.end('SIGKILL');
    const killedAt = Date.now();
    const id = await queueJob(platform);
    await listedAssets(platform, id, 6);
    expect(Date.now() - killedAt).toBeLessThan(5_000 + 2_000);
    expect(await logOf(postgres.url)).toEqual({ gaps: 0, doubled: 0, events: 18 });
  });
});

describe('every service told to stop', () => {
  it('ends cleanly with code 0', async () => {
    const platform = await start({ workers: 2 });
    const ends = [...platform.running].map(async ({ name, child }) => {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      return [name, ...(await exit)];
    });
    for (const end of await Promise.all(ends)) expect(end).toEqual([end[0], 0, null]);
  });
});

async function start(options: PlatformOptions): Promise<Platform> {
  const platform = await Platform.start(options);
  closing.push(() => platform.close());
  onTestFailed(() => console.error(platform.output.join('')));
  return platform;
}

async function ownPostgres(): Promise<PostgresServer> {
  const folder = await scratchFolder();
  const postgres = await startPostgres({ dataDir: folder.path, durable: false });
  closing.push(() => folder.remove());
  closing.push(() => postgres.stop());
  return postgres;
}

async function historyCount(platform: Platform, id: string, event: string): Promise<number> {
  const sql = `select 1 from events where subject_id = '${id}' and type like '%job.${event}%'`;
  await listedAssets(platform, id, 6);
  return (await query(platform.databaseUrl, sql)).length;
}
