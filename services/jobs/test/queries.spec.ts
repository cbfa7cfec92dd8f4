import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accountKeyOf } from '#contracts/ids.js';
import { PAGE_LIMIT_MAX } from '#contracts/limits.js';
import type { Queries } from '#contracts/queries.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { ask, QueryRefusedError, QueryUnavailableError } from '#eventing/request-reply.js';
import { JobsProcess } from '../src/jobs-process.js';
import { listAssetsStatement } from '../src/queries/asset-lists.js';
import { COUNT_OPEN, listJobsStatement } from '../src/queries/job-lists.js';
import { decodeCursor, encodeCursor, pageLimit } from '../src/queries/page.js';
import { type Fixture, openFixture, silent, untilProjected } from './jobs-fixture.js';
import { aRequest, cancel, makeJob, start } from './some-jobs.js';

const ALICE = accountKeyOf('alice');
const BOB = accountKeyOf('bob');
const NOBODY = '00000000-0000-7000-8000-000000000000';

describe('cursors', () => {
  const place = { time: 1_767_225_600_000, id: '01900000-0000-7000-8000-000000000000' };
  test('lead back to their place', () => {
    expect(decodeCursor(encodeCursor(place))).toEqual(place);
  });
  test.each([
    '',
    'x',
    'MTIz',
    encodeCursor({ ...place, id: 'x' }),
    `${encodeCursor(place)}=`,
    encodeCursor({ ...place, time: -1 }),
  ])('`%s` is refused', (cursor) => {
    expect(() => decodeCursor(cursor)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
  });
  test('limits stay within 1 and the most', () => {
    expect([0, -3, 7.9, 1e9, Number.NaN].map(pageLimit)).toEqual([1, 1, 7, PAGE_LIMIT_MAX, 1]);
  });
});

let fixture: Fixture;
let service: JobsProcess;
let asker: Bus;

beforeAll(async () => {
  fixture = await openFixture();
  asker = await connectBus({ url: fixture.natsUrl, service: 'gateway', log: silent });
  service = new JobsProcess(configurationFor(fixture), silent);
  await service.start();
  for (let count = 0; count < 5; count++) await makeJob(fixture.store, {}, 2);
  await makeJob(fixture.store, { userId: 'bob', accountKey: BOB });
  const [queued, running, ended] = [aRequest({ jobType: 'sdxl_image_high' }), aRequest(), aRequest()];
  for (const request of [queued, running, ended]) await fixture.store.request(request);
  await start(fixture.store, running.jobId);
  await cancel(fixture.store, ended.jobId);
  await untilProjected(fixture);
});
afterAll(async () => {
  await service.stop();
  await asker.close();
  await fixture.close();
});

function configurationFor({ natsUrl, databaseUrl }: Fixture) {
  const streams = { replicas: 1, jobStreamMaxBytes: 512 * 1024 * 1024, accountStreamMaxBytes: 64 * 1024 * 1024 };
  return { nats: { url: natsUrl }, databaseUrl, streams, logLevel: 'silent' as const };
}

function jobs(request: Partial<Queries['jobs.list']['request']> = {}) {
  return ask(asker, 'jobs.list', { accountKey: ALICE, limit: 50, ...request });
}

function assets(request: Partial<Queries['assets.list']['request']> = {}) {
  return ask(asker, 'assets.list', { accountKey: ALICE, limit: 50, ...request });
}

describe('jobs.list', () => {
  test('has the jobs of one account only, newest first', async () => {
    const { jobs: listed } = await jobs();
    expect(listed).toHaveLength(8);
    expect(new Set(listed.map((job) => job.requested.accountKey))).toEqual(new Set([ALICE]));
    const times = listed.map((job) => job.requestedAt);
    expect(times).toEqual([...times].sort().reverse());
  });

  test('pages have every job once, also when a new one arrives in between', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await jobs({ limit: 3, cursor });
      seen.push(...page.jobs.map((job) => job.requested.jobId));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    const all = (await jobs()).jobs.map((job) => job.requested.jobId);
    expect(seen).toEqual(all);
  });

  test('filters by status and by job type', async () => {
    expect((await jobs({ status: 'completed' })).jobs).toHaveLength(5);
    expect((await jobs({ status: 'cancelled' })).jobs).toHaveLength(1);
    expect((await jobs({ jobType: 'sdxl_image_high' })).jobs).toHaveLength(1);
    expect((await jobs({ jobType: 'sdxl_image_high', status: 'completed' })).jobs).toHaveLength(0);
  });

  test('a cursor that nobody handed out is refused as such', async () => {
    await expect(jobs({ cursor: 'abc' })).rejects.toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
    await expect(jobs({ cursor: 'abc' })).rejects.toThrow(QueryRefusedError);
  });
});

describe('single jobs', () => {
  test('jobs.get answers the job as the stream has it, or null', async () => {
    const [newest] = (await jobs()).jobs;
    const { job } = await ask(asker, 'jobs.get', { jobId: newest?.requested.jobId ?? '' });
    expect(job).toEqual(newest);
    expect(await ask(asker, 'jobs.get', { jobId: NOBODY })).toEqual({ job: null });
    expect(await ask(asker, 'jobs.get', { jobId: "'; drop table jobs" })).toEqual({ job: null });
  });

  test('jobs.open counts the unfinished ones of an account', async () => {
    expect(await ask(asker, 'jobs.open', { accountKey: ALICE })).toEqual({ waiting: 1, processing: 1 });
    expect(await ask(asker, 'jobs.open', { accountKey: 'nobody' })).toEqual({ waiting: 0, processing: 0 });
  });
});

describe('assets.list', () => {
  test('has the assets of one account only, newest first, in pages', async () => {
    const { assets: all } = await assets();
    expect(all).toHaveLength(10);
    const first = await assets({ limit: 4 });
    const second = await assets({ limit: 6, cursor: first.nextCursor ?? undefined });
    expect([...first.assets, ...second.assets]).toEqual(all);
    expect(second.nextCursor).toBeNull();
    expect(all[0]).toMatchObject({ accountKey: ALICE, jobType: 'sdxl_image_fast', mediaType: 'image/png' });
  });

  test('filters by job, format and time', async () => {
    const [asset] = (await assets()).assets;
    expect((await assets({ jobId: asset?.jobId })).assets).toHaveLength(2);
    expect((await assets({ type: 'video' })).assets).toHaveLength(0);
    expect((await assets({ from: asset?.storedAt })).assets).toEqual([asset]);
    expect((await assets({ to: asset?.storedAt })).assets).toHaveLength(9);
    expect((await assets({ jobId: NOBODY })).assets).toHaveLength(0);
  });

  test('what was deleted is gone from it', async () => {
    const [asset] = (await assets()).assets;
    await fixture.store.deleteAsset(asset?.jobId ?? '', asset?.index ?? 0, 'alice');
    await untilProjected(fixture);
    expect((await assets()).assets.map(({ id }) => id)).not.toContain(asset?.id);
  });
});

describe('query plans over a big table', () => {
  beforeAll(async () => {
    await fixture.database.transaction(async (tx) => {
      await tx.query(`insert into jobs_v1 (id, account_key, job_type, status, created_at, started_at, last_event_at, state, position)
        select gen_random_uuid(), 'account' || (n % 50), case n % 3 when 0 then 'sdxl_image_high' else 'image_fast' end,
               case n % 100 when 0 then 'queued' when 1 then 'processing' else 'completed' end,
               now() - n * interval '1 second', now() - n * interval '1 second', now(), '{"started": {"attempt": 1}}', n
          from generate_series(1, 20000) n`);
      await tx.query(`insert into assets_v1 (id, job_id, account_key, job_type, format, stored_at, asset, deleted, position)
        select gen_random_uuid(), gen_random_uuid(), 'account' || (n % 50), 'x', case n % 9 when 0 then 'video' else 'image' end,
               now() - n * interval '1 second', '{}', n % 20 = 0, n from generate_series(1, 20000) n`);
    });
    await fixture.database.query('analyze');
  });

  const page = { accountKey: 'account7', limit: 20 };
  const cursor = encodeCursor({ time: Date.now() - 3_600_000, id: NOBODY });
  const lists = {
    jobs: listJobsStatement(page),
    'jobs, next page': listJobsStatement({ ...page, cursor }),
    'jobs by status': listJobsStatement({ ...page, status: 'queued' }),
    'jobs by type': listJobsStatement({ ...page, jobType: 'sdxl_image_high' }),
    assets: listAssetsStatement(page),
    'assets, next page': listAssetsStatement({ ...page, cursor }),
    'assets by format': listAssetsStatement({ ...page, type: 'video' }),
    'assets of a time': listAssetsStatement({ ...page, from: '2026-01-01', to: '2036-01-01' }),
    'assets of a job': listAssetsStatement({ ...page, jobId: NOBODY }),
    'open jobs': { text: COUNT_OPEN, values: ['account7'] },
  };

  test.each(Object.entries(lists))(
    '%s: read by an index, without sorting more than a page',
    async (_name, { text, values }) => {
      const plan = await planOf(text, values);
      expect(plan).not.toContain('Seq Scan');
      expect(plan).toContain('Index');
      expect(rowsRead(plan)).toBeLessThan(200);
    },
  );

  async function planOf(text: string, values: unknown[]): Promise<string> {
    const rows = await fixture.database.query<{ 'QUERY PLAN': string }>(`explain (analyze, costs off) ${text}`, values);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  }

  function rowsRead(plan: string): number {
    return Math.max(...[...plan.matchAll(/Index.*?rows=(\d+)/g)].map(([, rows]) => Number(rows)));
  }
});

describe('when the tables are not there', () => {
  test('the answer is unavailable, and the service lives on', async () => {
    await fixture.database.query('alter view jobs rename to jobs_elsewhere');
    await expect(jobs()).rejects.toThrow(QueryUnavailableError);
    await fixture.database.query('alter view jobs_elsewhere rename to jobs');
    expect((await jobs({ limit: 1 })).jobs).toHaveLength(1);
  });
});
