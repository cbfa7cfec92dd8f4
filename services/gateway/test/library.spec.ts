/** What a user finds again of what was made: favourites, searches, images and videos by id, the history of a job. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '#contracts/domain/job.js';
import { cancelJob, failJob } from '#contracts/domain/job-decisions.js';
import type { AssetView, JobView } from '#contracts/http/answers.js';
import type { MediaView } from '#contracts/http/images-and-videos.js';
import type { JobHistoryPage } from '#contracts/http/job-history.js';
import { accountKeyOf, assetIdOf, newJobId } from '#contracts/ids.js';
import type { Queries } from '#contracts/queries.js';
import { authorization, get, type Kit, queued, read, startKit, TestWorker, WISH } from './gateway-kit.js';

const NOBODY = '01890000-0000-7000-8000-000000000000';

let kit: Kit;
let worker: TestWorker;
/** What the projection knows of jobs that the stream has let go. */
const older = new Map<string, Job>();

beforeAll(async () => {
  kit = await startKit();
  worker = new TestWorker(kit.jobs, kit.folder);
  await kit.answerQueries({ 'jobs.get': ({ jobId }) => ({ job: older.get(jobId) ?? null }) });
});
afterAll(() => kit.close());

async function finished(pictures = 2): Promise<string> {
  const { id } = await queued(kit.url);
  await worker.make(id, pictures);
  return id;
}

/** A finished job whose events are gone from the stream: another id than any there. */
async function finishedLongAgo(): Promise<string> {
  const job = await kit.jobs.load(await finished());
  if (!job) throw new Error('there is no such job');
  const jobId = newJobId();
  const assets = job.assets.map((asset) => ({ ...asset, id: assetIdOf(jobId, asset.index) }));
  older.set(jobId, { ...job, requested: { ...job.requested, jobId }, assets });
  return jobId;
}

async function mark(assetId: string, body: unknown, userId = 'alice', url = kit.url): Promise<Response> {
  const headers = await authorization(userId);
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(`${url}/api/assets/${assetId}`, { method: 'PATCH', headers, body: text });
}

async function remove(assetId: string): Promise<number> {
  const headers = await authorization();
  return (await fetch(`${kit.url}/api/assets/${assetId}`, { method: 'DELETE', headers })).status;
}

const assetAt = (assetId: string) => read<AssetView>(get(kit.url, `/api/assets/${assetId}`));

describe.each([
  ['a job of today', finished],
  ['a job that the stream has let go', finishedLongAgo],
])('an asset of %s', (_, makeJob) => {
  it('becomes a favourite and none again, at once and at every gateway', async () => {
    const other = await kit.startAnother();
    const [assetId, neighbour] = await makeJob().then((id) => [assetIdOf(id, 0), assetIdOf(id, 1)] as const);
    for (const favorite of [true, true, false, false, true]) {
      const response = await mark(assetId, { favorite });
      expect(response.status).toBe(200);
      expect(await read<AssetView>(response)).toMatchObject({ id: assetId, favorite });
      expect(await read<AssetView>(get(other.url, `/api/assets/${assetId}`))).toMatchObject({ favorite });
      expect(await assetAt(neighbour)).toMatchObject({ favorite: false });
    }
  });

  it('is deleted, once, and no favourite any more', async () => {
    const assetId = assetIdOf(await makeJob(), 0);
    await mark(assetId, { favorite: true });
    const other = await kit.startAnother();
    expect([await remove(assetId), await remove(assetId)]).toEqual([204, 404]);
    expect((await mark(assetId, { favorite: true })).status).toBe(404);
    expect((await get(other.url, `/api/assets/${assetId}`)).status).toBe(404);
    expect((await mark(assetId, { favorite: true }, 'alice', other.url)).status).toBe(404);
  });
});

describe('marking a favourite', () => {
  it('stores what changes, once, and by whom', async () => {
    const jobId = await finished();
    const marks = Array.from({ length: 6 }, () => mark(assetIdOf(jobId, 1), { favorite: true }));
    expect((await Promise.all(marks)).map(({ status }) => status)).toEqual(marks.map(() => 200));
    const stored = (await kit.jobs.everyEvent(jobId)).filter(({ type }) => type === 'AssetFavorited');
    expect(stored).toMatchObject([{ data: { jobId, index: 1, favorite: true, favoritedBy: 'alice' } }]);
  });

  it('is for its owner alone', async () => {
    const assetId = assetIdOf(await finished(), 0);
    expect((await mark(assetId, { favorite: true }, 'mallory')).status).toBe(404);
    expect(await assetAt(assetId)).toMatchObject({ favorite: false });
  });

  it.each([[{}], [{ favorite: 'true' }], [{ favorite: 1 }], [{ favorite: null }], [[]], ['true'], ['{']])(
    'is refused as %j',
    async (body) => {
      expect((await mark(assetIdOf(await finished(1), 0), body)).status).toBe(400);
    },
  );

  it.each([NOBODY, 'x', '..%2F..', '%3E', assetIdOf(newJobId(), 5)])('is refused at %s', async (id) => {
    expect((await mark(id, { favorite: true })).status).toBe(404);
  });
});

describe('GET /api/assets', () => {
  it('asks for what the address says', async () => {
    const asked: Queries['assets.list']['request'][] = [];
    const jobId = await finished(1);
    const [asset] = (await kit.jobs.load(jobId))?.assets ?? [];
    const listed = { ...asset, jobId, jobType: 'sdxl_image_fast', accountKey: 'x', favorite: true };
    const stop = await kit.answerQueries({
      'assets.list': (request) => {
        asked.push(request);
        return { assets: [listed as never], nextCursor: null };
      },
    });
    const q = encodeURIComponent(' 100%  under_score 灯塔 ');
    const path = `/api/assets?favorite=false&projectId=${NOBODY.toUpperCase()}&q=${q}`;
    const page = await read<{ assets: AssetView[] }>(get(kit.url, path));
    expect(page.assets).toMatchObject([{ job_id: jobId, favorite: true }]);
    expect(asked).toMatchObject([
      { accountKey: accountKeyOf('alice'), favorite: false, projectId: NOBODY, words: ['100%', 'under_score', '灯塔'] },
    ]);
    stop();
  });

  it.each([
    ['favorite', 'yes'],
    ['favorite', ''],
    ['projectId', 'x'],
    ['projectId', '%00'],
    ['q', ''],
    ['q', '%20%E3%80%80'],
    ['q', '%00'],
    ['q', 'x'.repeat(201)],
    ['q', Array(17).fill('x').join('%20')],
    ['q', 'a&q=b'],
  ])('refuses %s=%s, and names it', async (name, value) => {
    const response = await get(kit.url, `/api/assets?${name}=${value}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_query', details: expect.stringContaining(name) });
  });
});

describe('while the projection is away', () => {
  it.each(['images', 'videos'])('what became of %s cannot be told', async (kind) => {
    const response = await get(kit.url, `/api/${kind}/${NOBODY}`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'lists_unavailable' });
  });
});

describe.each(['image', 'video'] as const)('an %s that jobs name', (kind) => {
  const path = (id: string) => `/api/${kind}s/${id}`;
  const wish = (id: string) => ({ ...WISH, [`${kind}Id`]: id });
  const latest = (jobId: string | null) => kit.answerQueries({ 'jobs.latest': () => ({ jobId }) });

  it('is there at once, and is what became of the latest job', async () => {
    const stop = await latest(null);
    const id = crypto.randomUUID();
    const first = await queued(kit.url, wish(id.toUpperCase()));
    expect(await read<MediaView>(get(kit.url, path(id)))).toMatchObject({
      ...{ id, status: 'queued', url: null, urls: [], preview_url: null },
      job: { id: first.id },
    });
    const second = await queued(kit.url, wish(id));
    await worker.make(second.id, 2);
    stop();
    const stopFirst = await latest(first.id);
    const media = await read<MediaView>(get(kit.url, path(id.toUpperCase())));
    expect(media).toMatchObject({ id, status: 'completed', job: { id: second.id } });
    expect(media.urls).toHaveLength(2);
    expect(media.url).toBe(media.urls[0]);
    expect((await fetch(media.url ?? '')).status).toBe(200);
    stopFirst();
  });

  it('is found at another gateway by the projection', async () => {
    const other = await kit.startAnother();
    const id = crypto.randomUUID();
    const job = await queued(kit.url, wish(id));
    const stop = await latest(job.id);
    expect(await read<MediaView>(get(other.url, path(id)))).toMatchObject({ job: { id: job.id } });
    stop();
  });

  it('is nobody else’s, and not there without a job', async () => {
    const stop = await latest(null);
    const id = crypto.randomUUID();
    await queued(kit.url, wish(id));
    for (const [wanted, userId] of [
      [id, 'mallory'],
      [NOBODY, 'alice'],
      ['x', 'alice'],
      ['%2E%2E', 'alice'],
      ['%3E', 'alice'],
    ] as const) {
      const response = await get(kit.url, path(wanted), userId);
      expect(response.status).toBe(404);
    }
    const other = kind === 'image' ? 'videos' : 'images';
    expect(await read(get(kit.url, `/api/${other}/${id}`))).toMatchObject({ code: `unknown_${other.slice(0, -1)}` });
    stop();
  });
});

describe('GET /api/jobs/{id}/history', () => {
  const history = (jobId: string, query = '', userId = 'alice') =>
    get(kit.url, `/api/jobs/${jobId}/history${query}`, userId);
  /** As the log has it while it is behind by everything but the first event. */
  const loggedUpTo = (count: number) =>
    kit.answerQueries({
      'jobs.history': () => ({ events: logged.slice(0, count), nextCursor: null }),
    });
  let logged: Awaited<ReturnType<Kit['jobs']['everyEvent']>> = [];

  it('tells every event in order, with time and cause, also those that the log has not seen', async () => {
    const jobId = await finished();
    await mark(assetIdOf(jobId, 1), { favorite: true });
    await remove(assetIdOf(jobId, 0));
    logged = await kit.jobs.everyEvent(jobId);
    const pages: JobHistoryPage[] = [];
    for (const count of [0, 1, 3, logged.length]) {
      const stop = await loggedUpTo(count);
      pages.push(await read<JobHistoryPage>(history(jobId)));
      stop();
    }
    expect(new Set(pages.map((page) => JSON.stringify(page))).size).toBe(1);
    const [{ events, next_cursor } = { events: [], next_cursor: '' }] = pages;
    expect(next_cursor).toBeNull();
    expect(events.map(({ type, by }) => `${type} ${by}`)).toEqual([
      ...['JobRequested user', 'JobStarted worker', 'AssetStored worker', 'AssetStored worker', 'JobCompleted worker'],
      ...['AssetFavorited user', 'AssetDeleted user'],
    ]);
    expect(events.map(({ sequence }) => sequence)).toEqual(logged.map(({ sequence }) => sequence));
    expect(events[0]).toMatchObject({ data: { prompt: WISH.metadata.prompt, job_type: WISH.jobType } });
    expect(events[1]).toMatchObject({ attempt: 1, time: expect.stringMatching(/Z$/) });
    expect(events[3]).toMatchObject({ data: { asset_ids: [assetIdOf(jobId, 0), assetIdOf(jobId, 1)] } });
    expect(events[5]).toMatchObject({ data: { asset_id: assetIdOf(jobId, 1), favorite: true } });
  });

  it('shows no key of a file, no worker’s name and no account', async () => {
    const jobId = await finished();
    const stop = await loggedUpTo(0);
    const text = await (await history(jobId)).text();
    for (const hidden of [accountKeyOf('alice'), '.png', '"worker":', '"test"']) expect(text).not.toContain(hidden);
    stop();
  });

  it('tells an operator from the owner, and the platform from a worker', async () => {
    const stop = await kit.answerQueries({ 'jobs.history': () => ({ events: [], nextCursor: null }) });
    const [cancelled, failed] = [await queued(kit.url), await queued(kit.url)];
    await kit.jobs.execute(cancelled.id, (job) => cancelJob(job, 'an operator'));
    const failure = { code: 'generation_timeout', message: 'too long', retryable: true };
    await kit.jobs.execute(failed.id, (job) => failJob(job, failure));
    const causes = async ({ id }: JobView) => (await read<JobHistoryPage>(history(id))).events.map(({ by }) => by);
    expect(await causes(cancelled)).toEqual(['user', 'operator']);
    expect(await causes(failed)).toEqual(['user', 'platform']);
    stop();
  });

  it('goes on where the cursor says', async () => {
    const asked: unknown[] = [];
    const jobId = await finished();
    const events = await kit.jobs.everyEvent(jobId);
    const stop = await kit.answerQueries({
      'jobs.history': (request) => {
        asked.push(request);
        return { events: events.slice(0, 1), nextCursor: '17' };
      },
    });
    const page = await read<JobHistoryPage>(history(jobId, '?limit=1&cursor=5'));
    expect(page).toMatchObject({ events: [{ type: 'JobRequested' }], next_cursor: '17' });
    expect(asked).toEqual([{ jobId, limit: 1, cursor: '5' }]);
    stop();
  });

  it('is nobody else’s, not there without a job, and 503 while the log cannot be read', async () => {
    const jobId = await finished(1);
    expect((await history(jobId, '', 'mallory')).status).toBe(404);
    for (const id of [NOBODY, 'x', '..%2Fx']) expect((await history(id)).status).toBe(404);
    const response = await history(jobId);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'lists_unavailable' });
    expect((await history(jobId, '?limit=0')).status).toBe(400);
  });
});
