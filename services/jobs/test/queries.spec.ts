import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { foldJob } from '#contracts/domain/job.js';
import { enhancePrompt } from '#contracts/domain/job-decisions.js';
import { accountKeyOf, newProjectId } from '#contracts/ids.js';
import type { Format } from '#contracts/job-catalogue.js';
import { PAGE_LIMIT_MAX } from '#contracts/limits.js';
import type { Queries } from '#contracts/queries.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { ask, QueryRefusedError, QueryUnavailableError } from '#eventing/request-reply.js';
import { readSubjectStatement } from '../src/event-log/logged-event.js';
import { JobsProcess } from '../src/jobs-process.js';
import { assetsProjection } from '../src/projections/assets.projection.js';
import { jobsProjection } from '../src/projections/jobs.projection.js';
import { tableNames } from '../src/projections/projection.js';
import { projectsProjection } from '../src/projections/projects.projection.js';
import { listAssetsStatement } from '../src/queries/asset-lists.js';
import { COUNT_OPEN, latestJobStatement, listJobsStatement } from '../src/queries/job-lists.js';
import { decodeCursor, encodeCursor, fitting, pageLimit } from '../src/queries/page.js';
import { COUNT_PROJECTS, listProjectsStatement } from '../src/queries/project-lists.js';
import { type Fixture, openFixture, silent, untilProjected } from './jobs-fixture.js';
import { aRequest, cancel, makeJob, start, work } from './some-jobs.js';
import { aProject, removeProject, storeProject } from './some-projects.js';

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

describe('a page', () => {
  test('takes as many rows as one message of NATS holds, one at least', () => {
    const long = 'x'.repeat(300 * 1024);
    expect(fitting([long, long, long, long])).toHaveLength(2);
    expect(fitting(['x'.repeat(1_000_000), 'y'])).toHaveLength(1);
    expect(fitting(['x', 'y'])).toHaveLength(2);
    expect(fitting([])).toEqual([]);
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

describe('queue.durations', () => {
  test('tells what job types took lately, and the enhancement', async () => {
    const jobType = 'image7b_fast_enhanced' as const;
    for (const durationMs of [1_000, 3_000, 90_000]) {
      const request = aRequest({ jobType, bucket: jobType });
      await fixture.store.request(request);
      const enhanced = { model: 'm', durationMs, enhanced: { text: 'more' } };
      await fixture.store.execute(request.jobId, (job) => enhancePrompt(job, enhanced));
      await cancel(fixture.store, request.jobId);
    }
    await untilProjected(fixture);
    // Made jobs took 2 ms and 3 ms more to store; the median leaves out what is far off.
    const expected = { seconds: { sdxl_image_fast: 0.005 }, enhancementSeconds: 3 };
    expect(await ask(asker, 'queue.durations', {})).toEqual(expected);
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

describe('usage.list', () => {
  test('has what the jobs of one account cost, newest first', async () => {
    const { usage } = await ask(asker, 'usage.list', { accountKey: ALICE, limit: 50 });
    const listed = (await jobs()).jobs.map((job) => job.requested.jobId);
    expect(usage.map(({ jobId }) => jobId)).toEqual(listed);
    expect(usage[0]).toMatchObject({ accountKey: ALICE, status: 'unreserved', credits: 0 });
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

describe('assets.list › search and filters', () => {
  const CAROL = accountKeyOf('carol');
  const PROJECT = newProjectId();
  const prompts = [
    'A Lighthouse at DAWN',
    '一座灯塔在黎明',
    '100% under_score back\\slash',
    'Straße im Ärger',
    'plain',
  ];
  let first: string;
  const found = async (request: Partial<Queries['assets.list']['request']>) => {
    const { assets: listed } = await ask(asker, 'assets.list', { accountKey: CAROL, limit: 50, ...request });
    return listed.map(({ jobId }) => prompts[made.indexOf(jobId)]);
  };
  const made: string[] = [];

  beforeAll(async () => {
    for (const [index, text] of prompts.entries()) {
      const projectId = index < 2 ? PROJECT : undefined;
      const request = { userId: 'carol', accountKey: CAROL, prompt: { text }, projectId };
      made.push((await makeJob(fixture.store, request, 1)).jobId);
    }
    [first = ''] = made;
    await fixture.store.favoriteAsset(first, { index: 0, favorite: true, favoritedBy: 'carol' });
    await untilProjected(fixture);
  });

  test.each([
    [['lighthouse'], 0],
    [['DAWN', 'LIGHT'], 0],
    [['灯塔'], 1],
    [['塔在'], 1],
    [['100%'], 2],
    [['under_'], 2],
    [['k\\s'], 2],
    [['ÄRGER', 'strasse'.replace('ss', 'ß')], 3],
    [['ＰＬＡＩＮ'], 4],
  ])('%j finds one', async (words, index) => {
    expect(await found({ words })).toEqual([prompts[index]]);
  });

  test.each([[['%']], [['_']], [['\\']]])('%j is no wildcard', async (words) => {
    expect(await found({ words })).toEqual([prompts[2]]);
  });

  test('words of two jobs, or what is in neither, find nothing', async () => {
    expect(await found({ words: ['lighthouse', 'plain'] })).toEqual([]);
    expect(await found({ words: ["'; drop table assets"] })).toEqual([]);
    expect(await found({ words: ['dawn'], accountKey: ALICE })).toEqual(expect.not.arrayContaining([prompts[0]]));
  });

  test('an enhanced prompt is searched too', async () => {
    const { jobId } = aRequest();
    const text = 'plain again';
    await fixture.store.request(
      aRequest({
        jobId,
        jobType: 'image7b_fast_enhanced',
        userId: 'dave',
        accountKey: accountKeyOf('dave'),
        prompt: { text },
      }),
    );
    const enhanced = { enhanced: { text: 'Opulent palace' }, model: 'qwen', durationMs: 5 };
    await fixture.store.execute(jobId, (job) => enhancePrompt(job, enhanced));
    await work(fixture.store, aRequest({ jobId, accountKey: accountKeyOf('dave') }), 1);
    await untilProjected(fixture);
    const { assets: listed } = await ask(asker, 'assets.list', {
      accountKey: accountKeyOf('dave'),
      limit: 5,
      words: ['palace', 'again'],
    });
    expect(listed.map((asset) => asset.jobId)).toEqual([jobId]);
  });

  test('favourites, and those that are none', async () => {
    expect(await found({ favorite: true })).toEqual([prompts[0]]);
    expect(await found({ favorite: false })).toHaveLength(4);
    await fixture.store.favoriteAsset(first, { index: 0, favorite: false, favoritedBy: 'carol' });
    await untilProjected(fixture);
    expect(await found({ favorite: true })).toEqual([]);
  });

  test('of a project, of one that is not there, and jobs of a project', async () => {
    expect(await found({ projectId: PROJECT })).toEqual([prompts[1], prompts[0]]);
    expect(await found({ projectId: PROJECT, words: ['dawn'] })).toEqual([prompts[0]]);
    expect(await found({ projectId: NOBODY })).toEqual([]);
    expect((await jobs({ accountKey: CAROL, projectId: PROJECT })).jobs).toHaveLength(2);
    expect((await jobs({ accountKey: ALICE, projectId: PROJECT })).jobs).toHaveLength(0);
  });
});

describe('jobs.latest', () => {
  test('is the newest job of the account that named the image or video', async () => {
    const id = newProjectId();
    const latest = (kind: Format, accountKey = ALICE) => ask(asker, 'jobs.latest', { accountKey, kind, id });
    const [older, newer] = [aRequest({ imageId: id }), aRequest({ imageId: id })];
    for (const request of [older, newer]) await fixture.store.request(request);
    await untilProjected(fixture);
    expect(await latest('image')).toEqual({ jobId: newer.jobId });
    expect(await latest('video')).toEqual({ jobId: null });
    expect(await latest('image', BOB)).toEqual({ jobId: null });
    expect(await ask(asker, 'jobs.latest', { accountKey: ALICE, kind: 'image', id: 'x.>' })).toEqual({ jobId: null });
  });
});

describe('jobs.history', () => {
  test('has every event of a job and its assets, in order, in pages', async () => {
    const { jobId } = await makeJob(fixture.store, {}, 3);
    await fixture.store.favoriteAsset(jobId, { index: 1, favorite: true, favoritedBy: 'alice' });
    await fixture.store.deleteAsset(jobId, 0, 'alice');
    await untilProjected(fixture);
    const { events, nextCursor } = await ask(asker, 'jobs.history', { jobId, limit: 50 });
    expect(events.map(({ type }) => type)).toEqual([
      ...['JobRequested', 'JobStarted', 'AssetStored', 'AssetStored', 'AssetStored', 'JobCompleted'],
      ...['AssetFavorited', 'AssetDeleted'],
    ]);
    expect(nextCursor).toBeNull();
    const first = await ask(asker, 'jobs.history', { jobId, limit: 5 });
    const second = await ask(asker, 'jobs.history', { jobId, limit: 5, cursor: first.nextCursor ?? '' });
    expect([...first.events, ...second.events]).toEqual(events);
    expect(second.nextCursor).toBeNull();
    expect(await fixture.store.load(jobId)).toEqual(foldJob(events));
  });

  test.each(['', '0', 'x', '-1', '1e3', '9'.repeat(16)])('the cursor `%s` is refused', async (cursor) => {
    const asked = ask(asker, 'jobs.history', { jobId: NOBODY, limit: 5, cursor });
    await expect(asked).rejects.toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
  });
});

describe('projects', () => {
  test('are listed for their account only, newest first, without deleted ones, and counted', async () => {
    const [one, two, three] = [
      await storeProject(fixture.bus),
      await storeProject(fixture.bus),
      await storeProject(fixture.bus),
    ];
    await storeProject(fixture.bus, aProject({ accountKey: BOB }));
    await removeProject(fixture.bus, two);
    await untilProjected(fixture);
    const list = (request: Partial<Queries['projects.list']['request']> = {}) =>
      ask(asker, 'projects.list', { accountKey: ALICE, limit: 50, ...request });
    expect((await list()).projects).toEqual([three, one]);
    const first = await list({ limit: 1 });
    expect((await list({ limit: 1, cursor: first.nextCursor ?? '' })).projects).toEqual([one]);
    expect(await ask(asker, 'projects.count', { accountKey: ALICE })).toEqual({ count: 2 });
    expect(await ask(asker, 'projects.count', { accountKey: 'nobody' })).toEqual({ count: 0 });
  });

  test('whose prompts are long come in shorter pages, all of them', async () => {
    const ERIN = accountKeyOf('erin');
    const text = '𠀀'.repeat(10_000);
    const stored = await Promise.all(
      Array.from({ length: 24 }, () =>
        storeProject(fixture.bus, aProject({ accountKey: ERIN, originalPrompt: { text } })),
      ),
    );
    await untilProjected(fixture);
    const first = await ask(asker, 'projects.list', { accountKey: ERIN, limit: 100 });
    expect(first.projects.length).toBeLessThan(24);
    const rest = await ask(asker, 'projects.list', { accountKey: ERIN, limit: 100, cursor: first.nextCursor ?? '' });
    expect(first.projects.length + rest.projects.length).toBe(stored.length);
  });
});

describe('query plans over a big table', () => {
  beforeAll(async () => {
    await fixture.database.transaction(async (tx) => {
      await tx.query(`insert into ${tableNames(jobsProjection.version)('jobs')} (id, account_key, job_type, status, created_at, started_at, last_event_at, state, position)
        select gen_random_uuid(), 'account' || (n % 50), case n % 3 when 0 then 'sdxl_image_high' else 'image_fast' end,
               case n % 100 when 0 then 'queued' when 1 then 'processing' else 'completed' end,
               now() - n * interval '1 second', now() - n * interval '1 second', now(), '{"started": {"attempt": 1}}', n
          from generate_series(1, 20000) n`);
      await tx.query(`insert into ${tableNames(assetsProjection.version)('assets')} (id, job_id, account_key, job_type, format, stored_at, asset, deleted, position)
        select gen_random_uuid(), gen_random_uuid(), 'account' || (n % 50), 'x', case n % 9 when 0 then 'video' else 'image' end,
               now() - n * interval '1 second', '{}', n % 20 = 0, n from generate_series(1, 20000) n`);
      await tx.query(
        `update ${tableNames(assetsProjection.version)('assets')} set favorite = true where position % 1000 = 7`,
      );
      await tx.query(`insert into ${tableNames(assetsProjection.version)('asset_jobs')} (job_id, account_key, job_type, format, prompt)
        select job_id, account_key, job_type, format, 'a lighthouse' from ${tableNames(assetsProjection.version)('assets')} on conflict do nothing`);
      await tx.query(`insert into ${tableNames(projectsProjection.version)('projects')} (id, account_key, created_at, project, position)
        select gen_random_uuid(), 'account' || (n % 100), now() - n * interval '1 second', '{}', n from generate_series(1, 10000) n`);
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
    'jobs of a project': listJobsStatement({ ...page, projectId: NOBODY }),
    'latest job of an image': latestJobStatement({ accountKey: 'account7', kind: 'image', id: NOBODY }),
    'favourite assets': listAssetsStatement({ ...page, favorite: true }),
    'assets of a project': listAssetsStatement({ ...page, projectId: NOBODY }),
    'assets by word': listAssetsStatement({ ...page, words: ['lighthouse'] }),
    projects: listProjectsStatement(page),
    'projects, next page': listProjectsStatement({ ...page, cursor }),
    'number of projects': { text: COUNT_PROJECTS, values: ['account7'] },
    'history of a job': readSubjectStatement({ stream: 's', subjectId: NOBODY, after: 0 }, ['JobRequested'], 50),
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
