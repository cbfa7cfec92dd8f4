/** Two users never see each other's anything: not by an id that one of them knows, and not in a list. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AssetsPage, QueueJobAnswer } from '#contracts/http/answers.js';
import { ROUTES, type RouteSpec } from '#contracts/http/routes.js';
import { EXAMPLES } from '../../libs/contracts/documents/examples.js';
import { Platform } from '../support/platform.js';
import { ContractClient } from './contract-client.js';

const IMAGE = '0192f3a1-7c41-7d2e-9a53-5b1f0c8e4d21';
const VIDEO = '0192f3a1-7c41-7d2e-9a53-5b1f0c8e4d22';

let platform: Platform;
let alice: ContractClient;
let bob: ContractClient;
/** Alice's things, by the folder of their address. */
let things: Record<string, string>;

beforeAll(async () => {
  const environment = {
    WEBHOOK_SECRET: 'a secret of the webhooks of this test',
    RECEIPT_SIGNING_KEY: Buffer.alloc(32, 7).toString('base64'),
  };
  platform = await Platform.start({ environment });
  const as = async (user: string) =>
    new ContractClient(() => platform.url, { authorization: `Bearer ${await platform.token(user)}` });
  [alice, bob] = [await as('alice'), await as('bob')];
  things = await aliceMakesThings();
}, 60_000);
afterAll(() => platform?.close());

async function aliceMakesThings(): Promise<Record<string, string>> {
  const projects = await created('/api/projects', { original_prompt: 'a lighthouse at dawn' });
  const webhooks = await created('/api/webhooks', { url: 'https://hooks.example.com/ourvidz' });
  const metadata = { prompt: 'a heron', count: 1 };
  const job = { jobType: 'sdxl_image_fast', metadata, imageId: IMAGE, videoId: VIDEO, projectId: projects };
  const jobs = (await alice.request<QueueJobAnswer>('/api/queue-job', { body: job })).body.job.id;
  const list = async () => (await alice.request<AssetsPage>(`/api/assets?jobId=${jobs}`)).body.assets;
  const assets = await vi.waitFor(
    async () => (await list())[0]?.id ?? Promise.reject(new Error('no asset yet')),
    20_000,
  );
  // With its receipt the job is all there.
  await vi.waitFor(async () => {
    expect((await alice.request(`/api/jobs/${jobs}/receipt`)).status).toBe(200);
  }, 20_000);
  return { jobs, assets, projects, webhooks, images: IMAGE, videos: VIDEO };
}

async function created(path: string, body: unknown): Promise<string> {
  const answer = await alice.request<{ id: string }>(path, { body });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body.id;
}

const own = ROUTES.filter(({ access }) => access === 'user');
const byId = own.filter(({ path }) => path.includes('{id}'));
const lists = own.filter(
  ({ path, method }) => method === 'GET' && /^\/api\/(jobs|assets|projects|webhooks|usage)$/.test(path),
);

describe('what alice made', () => {
  it.each(byId.map(named))('%s › is not there for bob', async (_name, route) => {
    const body = route.body ? EXAMPLES[route.body.name] : undefined;
    const { status } = await bob.request(aliceS(route), { method: route.method, body });
    expect(status).toBe(404);
  });

  it.each(byId.filter(({ method }) => method === 'GET').map(named))(
    '%s › is there for alice after that',
    async (_name, route) => {
      // The events of an ended job end by themselves.
      expect((await alice.request(aliceS(route))).status).toBe(200);
    },
  );

  it.each(lists.map(named))('%s › shows bob nothing', async (_name, { path }) => {
    const { status, body } = await bob.request(path);
    expect(status).toBe(200);
    const items = Object.values(body).find((value) => Array.isArray(value));
    expect(items).toEqual([]);
  });

  it('GET /api/assets with a filter for alice’s things › shows bob nothing', async () => {
    for (const query of [`jobId=${things.jobs}`, `projectId=${things.projects}`, 'q=heron', 'q=%25']) {
      expect((await bob.request<AssetsPage>(`/api/assets?${query}`)).body.assets).toEqual([]);
    }
  });

  it('a job of bob’s with alice’s project › 404', async () => {
    const body = { jobType: 'sdxl_image_fast', metadata: { prompt: 'x' }, projectId: things.projects };
    const answer = await bob.request('/api/queue-job', { body });
    expect(answer).toMatchObject({ status: 404, body: { code: 'unknown_project' } });
  });

  it('the same image id named by bob › is bob’s image, and alice’s stays hers', async () => {
    const body = { jobType: 'sdxl_image_fast', metadata: { prompt: 'a fox', count: 1 }, imageId: IMAGE };
    const { job } = (await bob.request<QueueJobAnswer>('/api/queue-job', { body })).body;
    const imageOf = async (client: ContractClient) =>
      (await client.request<{ job: { id: string } }>(`/api/images/${IMAGE}`)).body.job?.id;
    await expect.poll(() => imageOf(bob), { timeout: 10_000 }).toBe(job.id);
    expect(await imageOf(alice)).toBe(things.jobs);
  });

  it('credits › bob has his own', async () => {
    const body = { jobType: 'sdxl_image_fast', metadata: { prompt: 'x', count: 1 } };
    const before = (await bob.request('/api/credits')).body;
    await alice.request('/api/queue-job', { body });
    expect((await bob.request('/api/credits')).body).toEqual(before);
  });
});

function named(route: RouteSpec): [string, RouteSpec] {
  return [`${route.method} ${route.path}`, route];
}

/** The address of the thing of alice's that a route is about. */
function aliceS({ path }: RouteSpec): string {
  const id = things[path.split('/')[2] ?? ''];
  if (id === undefined) throw new Error(`alice has nothing for ${path}: let her make it`);
  return path.replace('{id}', id);
}
