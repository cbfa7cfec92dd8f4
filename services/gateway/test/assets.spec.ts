import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { liveAssets } from '#contracts/domain/job.js';
import type { AssetView } from '#contracts/http/answers.js';
import { assetIdOf } from '#contracts/ids.js';
import { authorization, get, type Kit, queued, read, startKit, TestWorker } from './gateway-kit.js';

let kit: Kit;
let worker: TestWorker;

beforeAll(async () => {
  kit = await startKit();
  worker = new TestWorker(kit.jobs, kit.folder);
});
afterAll(() => kit.close());

async function finished(pictures = 2): Promise<string> {
  const { id } = await queued(kit.url);
  await worker.make(id, pictures);
  return id;
}

const assetOf = (jobId: string, index = 0) => read<AssetView>(get(kit.url, `/api/assets/${assetIdOf(jobId, index)}`));

async function remove(assetId: string): Promise<number> {
  const headers = await authorization();
  return (await fetch(`${kit.url}/api/assets/${assetId}`, { method: 'DELETE', headers })).status;
}

describe('a list of assets', () => {
  it.each(['2020', '2020-01', '2020-W01', '2020-01-01T00', '2020-02-30', 'yesterday', '2020-01-01T00:00:00,5Z'])(
    'from %s is refused, and the parameter named',
    async (from) => {
      const response = await get(kit.url, `/api/assets?from=${from}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'invalid_query', details: expect.stringContaining('from') });
    },
  );
});

describe('an asset', () => {
  it('is described with a signed address', async () => {
    const jobId = await finished();
    const asset = await assetOf(jobId, 1);
    expect(asset).toMatchObject({
      id: assetIdOf(jobId, 1),
      job_id: jobId,
      index: 1,
      media_type: 'image/png',
      favorite: false,
    });
    expect(Date.parse(asset.url_expires_at)).toBeGreaterThan(Date.now() + 3_599_000);
    const response = await fetch(asset.url);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(`picture 1 of ${jobId}`);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('cache-control')).toMatch(/^private, max-age=\d+, immutable$/);
    expect(response.headers.get('accept-ranges')).toBe('bytes');
    expect(response.headers.get('last-modified')).toBeTruthy();
  });

  it('is refused with 412 when the client insists on another one', async () => {
    const { url } = await assetOf(await finished());
    for (const headers of [{ 'if-match': '"other"' }, { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }]) {
      const response = await fetch(url, { headers });
      expect(response.status).toBe(412);
      expect(await response.json()).toMatchObject({ success: false, code: 'precondition_failed' });
    }
  });

  it('is served in parts, and not at all when the client has it', async () => {
    const { url, bytes } = await assetOf(await finished());
    const part = await fetch(url, { headers: { range: 'bytes=2-4' } });
    expect(part.status).toBe(206);
    expect(await part.text()).toBe('ctu');
    expect(part.headers.get('content-range')).toBe(`bytes 2-4/${bytes}`);
    const beyond = await fetch(url, { headers: { range: 'bytes=1000-' } });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${bytes}`);
    expect(await beyond.json()).toMatchObject({ success: false, code: 'range_not_satisfiable' });
    const etag = (await fetch(url, { method: 'HEAD' })).headers.get('etag') ?? '';
    expect(etag).not.toBe('');
    // fetch would ask not to be answered from a cache.
    const [cached] = (await once(request(url, { headers: { 'if-none-match': etag } }).end(), 'response')) as [
      IncomingMessage,
    ];
    expect(cached.statusCode).toBe(304);
    cached.resume();
  });

  it('has its size in the answer to HEAD', async () => {
    const { url, bytes } = await assetOf(await finished());
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes)]);
  });

  it('is downloaded under a useful name', async () => {
    const jobId = await finished();
    const { url } = await assetOf(jobId, 1);
    const response = await fetch(`${url}&download=1`);
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="sdxl_image_fast-${jobId}-2.png"`);
  });

  it.each([
    ['another signature', (url: string) => url.replace(/sig=(.)/, (_, first) => `sig=${first === 'A' ? 'B' : 'A'}`)],
    ['no signature', (url: string) => url.replace(/\?.*/, '')],
    ['another file', (url: string) => url.replace('/0.png', '/1.png')],
    ['another expiry', (url: string) => url.replace(/exp=\d/, 'exp=9')],
    ['a way out of the store', (url: string) => url.replace(/assets\/.*\?/, 'assets/..%2F..%2Fetc%2Fpasswd?')],
    ['two signatures', (url: string) => `${url}&sig=x`],
  ])('is not served with %s', async (_, change) => {
    const { url } = await assetOf(await finished());
    const response = await fetch(change(url));
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ success: false, code: 'invalid_signature' });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('is not served once its address has expired', async () => {
    const short = await kit.startAnother({ ASSET_URL_TTL_S: '1' });
    const jobId = await finished();
    const { url } = await read<AssetView>(get(short.url, `/api/assets/${assetIdOf(jobId, 0)}`));
    await vi.waitFor(async () => expect((await fetch(url)).status).toBe(403), { timeout: 5_000, interval: 200 });
  });
});

describe('deleting an asset', () => {
  it('takes it from everywhere at once, its file too', async () => {
    const jobId = await finished();
    const asset = await assetOf(jobId);
    const job = await kit.jobs.load(jobId);
    const listed = { ...liveAssets(job ?? fail())[0], jobId, jobType: 'sdxl_image_fast', accountKey: 'x' };
    // The projection that lists come from has not seen the deletion.
    const stop = await kit.answerQueries({ 'assets.list': () => ({ assets: [listed as never], nextCursor: null }) });
    expect((await read<{ assets: unknown[] }>(get(kit.url, '/api/assets'))).assets).toHaveLength(1);
    expect(await remove(asset.id)).toBe(204);
    expect(await remove(asset.id)).toBe(404);
    expect((await get(kit.url, `/api/assets/${asset.id}`)).status).toBe(404);
    expect((await fetch(asset.url)).status).toBe(404);
    expect(existsSync(join(kit.folder, new URL(asset.url).pathname.replace('/assets/', '')))).toBe(false);
    expect((await read<{ assets: unknown[] }>(get(kit.url, '/api/assets'))).assets).toEqual([]);
    const view = await read<{ metadata: { all_assets: string[] } }>(get(kit.url, `/api/jobs/${jobId}`));
    expect(view.metadata.all_assets).toHaveLength(1);
    stop();
  });

  it('succeeds once when asked for by many at once', async () => {
    const { id } = await assetOf(await finished());
    const statuses = await Promise.all(Array.from({ length: 8 }, () => remove(id)));
    expect(statuses.sort()).toEqual([204, ...Array(7).fill(404)]);
  });

  it('is finished by the reaper when a gateway stopped in the middle', async () => {
    const jobId = await finished();
    const { url } = await assetOf(jobId);
    const path = join(kit.folder, new URL(url).pathname.replace('/assets/', ''));
    expect(existsSync(path)).toBe(true);
    await kit.jobs.deleteAsset(jobId, 0, 'alice');
    await vi.waitFor(() => expect(existsSync(path)).toBe(false), { timeout: 5_000 });
  });
});

describe('the asset store', () => {
  it('shows in readiness', async () => {
    const lost = await kit.startAnother({ ASSET_STORE: `file:${kit.folder}/gone` });
    expect((await fetch(`${lost.url}/health/ready`)).status).toBe(200);
    if (process.getuid?.() === 0) return; // root may write everywhere
    await chmod(`${kit.folder}/gone`, 0o000);
    expect((await fetch(`${lost.url}/health/ready`)).status).toBe(503);
    await chmod(`${kit.folder}/gone`, 0o700);
  });
});

function fail(): never {
  throw new Error('there is no such job');
}
