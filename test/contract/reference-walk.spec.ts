/** The API reference, walked from its first example to its last: what it promises is what a client gets. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AssetsPage, AssetView, JobView, QueueJobAnswer } from '#contracts/http/answers.js';
import type { MetricsSummary, WorkersAnswer } from '#contracts/http/operations.js';
import { JOB_CATALOGUE, JOB_TYPES, type JobType } from '#contracts/job-catalogue.js';
import { serverSentEvents } from '../support/job-events.js';
import { Platform } from '../support/platform.js';
import { ContractClient } from './contract-client.js';

const OF_THE_REFERENCE = [
  ...['sdxl_image_fast', 'sdxl_image_high', 'image_fast', 'image_high', 'video_fast', 'video_high'],
  ...['image7b_fast_enhanced', 'image7b_high_enhanced', 'video7b_fast_enhanced', 'video7b_high_enhanced'],
];

let platform: Platform;
let client: ContractClient;

beforeAll(async () => {
  platform = await Platform.start();
  await Promise.all([platform.startService('wan-worker'), platform.startService('enhancer')]);
  client = new ContractClient(() => platform.url, { authorization: `Bearer ${await platform.token('alice')}` });
}, 60_000);
afterAll(() => platform?.close());

async function queued(body: unknown): Promise<QueueJobAnswer> {
  const { status, body: answer } = await client.request<QueueJobAnswer>('/api/queue-job', { body });
  expect(status, JSON.stringify(answer)).toBe(200);
  return answer;
}

/** As the reference's `monitorJob` does, but without its two seconds between. */
async function polled(id: string): Promise<JobView> {
  const ended = ({ status }: JobView) => status !== 'queued' && status !== 'processing';
  let job: JobView | undefined;
  const look = async () => {
    job = (await client.request<JobView>(`/api/jobs/${id}`)).body;
    return ended(job);
  };
  await expect.poll(look, { timeout: 60_000, interval: 50 }).toBe(true);
  return job as JobView;
}

describe('job creation', () => {
  it('“SDXL Fast Image Generation” › is answered with the fields of the reference', async () => {
    const body = { jobType: 'sdxl_image_fast', metadata: { prompt: 'beautiful woman in garden', credits: 1 } };
    const answer = await queued(body);
    expect(answer).toMatchObject({
      success: true,
      message: expect.any(String),
      queueLength: expect.any(Number),
      modelVariant: 'lustify_sdxl',
      jobType: 'sdxl_image_fast',
      queue: 'sdxl_queue',
      isSDXL: true,
      negativePromptSupported: true,
    });
    expect(answer.job).toMatchObject({ user_id: 'alice', job_type: 'sdxl_image_fast', status: 'queued' });
    expect(answer.job.metadata).toMatchObject({
      ...body.metadata,
      model_variant: 'lustify_sdxl',
      queue: 'sdxl_queue',
      dual_worker_routing: true,
      negative_prompt_supported: true,
      num_images: 6,
    });
  });

  it('“WAN Video Generation” › is answered without a negative prompt', async () => {
    const answer = await queued({ jobType: 'video_fast', metadata: { prompt: 'woman walking in park', credits: 1 } });
    expect(answer).toMatchObject({ modelVariant: 'wan_2_1_1_3b', queue: 'wan_queue', isSDXL: false });
    expect(answer.negativePromptSupported).toBe(false);
    expect(answer.job.metadata).not.toHaveProperty('negative_prompt');
  });

  it('“Complete Job Flow” › posts without a content type', async () => {
    const headers = { 'content-type': 'text/plain;charset=UTF-8' };
    const text = JSON.stringify({ jobType: 'image_fast', metadata: { prompt: 'a lighthouse' } });
    const { status } = await client.request('/api/queue-job', { text, headers });
    expect(status).toBe(200);
  });

  it('without metadata.credits › costs what the server says', async () => {
    const { job } = await queued({ jobType: 'image_high', metadata: { prompt: 'a lighthouse' } });
    expect(job.metadata.credits).toBe(1);
    expect(job.metadata.bucket).toBe('image_high');
  });

  it('videoId and imageId › are the job’s', async () => {
    const videoId = '0192f3a1-7c41-7d2e-9a53-5b1f0c8e4d20';
    const { job } = await queued({ jobType: 'video_fast', metadata: { prompt: 'a ship' }, videoId });
    expect(job).toMatchObject({ video_id: videoId, image_id: null, project_id: null });
  });
});

describe('each of the ten job types', () => {
  it('are those of the reference, in its order', async () => {
    expect(JOB_TYPES).toEqual(OF_THE_REFERENCE);
    const { body } = await client.request<{ jobTypes: { jobType: string }[] }>('/api/job-types');
    expect(body.jobTypes.map(({ jobType }) => jobType)).toEqual(OF_THE_REFERENCE);
  });

  it.each(JOB_TYPES.map((jobType) => [jobType]))(
    '%s › ends with its assets',
    async (jobType) => {
      const { job } = await queued({ jobType, metadata: { prompt: 'a lighthouse at dawn, waves' } });
      const done = await polled(job.id);
      expect(done).toMatchObject({ status: 'completed', error_message: null });
      expectOutputs(jobType, done);
      const files = await Promise.all(done.metadata.all_assets.map((url) => fetch(url)));
      const entry = JOB_CATALOGUE[jobType];
      for (const file of files) expect(file.headers.get('content-type')).toBe(entry.mediaType);
      const hashes = await Promise.all(files.map(async (file) => hashOf(await file.arrayBuffer())));
      expect(new Set(hashes).size).toBe(entry.outputs);
      const listed = await listedAssets(job.id, entry.outputs);
      expect(listed.map(({ sha256 }) => sha256).sort()).toEqual(hashes.sort());
    },
    90_000,
  );
});

function expectOutputs(jobType: JobType, { metadata, format, quality, model_type }: JobView): void {
  const entry = JOB_CATALOGUE[jobType];
  expect({ format, quality, model_type }).toEqual({
    format: entry.format,
    quality: entry.quality,
    model_type: jobType,
  });
  expect(metadata.all_assets).toHaveLength(entry.outputs);
  expect(new URL(metadata.primary_asset ?? '').pathname).toBe(new URL(metadata.all_assets[0] ?? '').pathname);
  expect(metadata.engine).toMatchObject({ engine: 'preview' });
  expect('enhanced_prompt' in metadata).toBe(entry.isEnhanced);
  expect('negative_prompt' in metadata).toBe(entry.isSdxl);
}

function hashOf(bytes: ArrayBuffer): string {
  return createHash('sha256').update(Buffer.from(bytes)).digest('hex');
}

async function listedAssets(jobId: string, count: number): Promise<readonly AssetView[]> {
  let assets: readonly AssetView[] = [];
  const look = async () => {
    assets = (await client.request<AssetsPage>(`/api/assets?jobId=${jobId}`)).body.assets;
    return assets.length;
  };
  await expect.poll(look, { timeout: 20_000, interval: 50 }).toBe(count);
  return assets;
}

describe('error handling', () => {
  it('an invalid job type › 400 with the valid ones', async () => {
    const { status, body } = await client.request('/api/queue-job', { body: { jobType: 'sdxl_image' } });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      success: false,
      error: 'Invalid job type: sdxl_image',
      validJobTypes: OF_THE_REFERENCE,
    });
  });

  it('no token › 401 in the reference’s words', async () => {
    const nobody = new ContractClient(() => platform.url, {});
    const { status, body } = await nobody.request('/api/queue-job', { body: { jobType: 'image_fast' } });
    expect(status).toBe(401);
    expect(body).toMatchObject({ success: false, error: 'Authentication required.', retryable: false });
  });

  it('too few credits › 402 with what to do', async () => {
    const as = async (user: string, claims = {}) =>
      new ContractClient(() => platform.url, { authorization: `Bearer ${await platform.token(user, claims)}` });
    const [poor, operator] = [await as('poor'), await as('root', { role: 'admin' })];
    const { balance } = (await poor.request<{ balance: number }>('/api/credits')).body;
    const taken = { user_id: 'poor', amount: -balance, reason: 'a test' };
    expect((await operator.request('/api/admin/credits', { body: taken })).body).toEqual({ balance: 0, reserved: 0 });
    const job = { jobType: 'image_fast', metadata: { prompt: 'x' } };
    const { status, body } = await poor.request('/api/queue-job', { body: job });
    expect(status).toBe(402);
    expect(body).toMatchObject({ success: false, code: 'insufficient_credits', suggestedAction: expect.any(String) });
  });
});

describe('CORS', () => {
  it('a preflight › is answered for any origin, with the headers of the reference', async () => {
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    const response = await fetch(`${platform.url}/api/queue-job`, { method: 'OPTIONS', headers });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const allowed = response.headers.get('access-control-allow-headers')?.split(/, */);
    expect(allowed).toEqual(expect.arrayContaining(['authorization', 'x-client-info', 'apikey', 'content-type']));
  });

  it('an error › can be read by pages too', async () => {
    const response = await fetch(`${platform.url}/api/jobs`, { headers: { origin: 'https://app.example' } });
    expect(response.status).toBe(401);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('monitoring', () => {
  it('the events of a job › tell its status, its assets and its end', async () => {
    const { job } = await queued({ jobType: 'sdxl_image_fast', metadata: { prompt: 'a heron', count: 2 } });
    const response = await platform.fetch(`/api/jobs/${job.id}/events`);
    expect(response.headers.get('content-type')).toMatch('text/event-stream');
    const events: string[] = [];
    for await (const { event } of serverSentEvents(response)) events.push(event);
    expect(events[0]).toBe('status');
    expect(events.filter((event) => event === 'asset')).toHaveLength(2);
    expect(events.at(-1)).toBe('done');
  });

  it('queue-status › has the depth that `checkQueueHealth` reads', async () => {
    const { body } = await client.request('/api/queue-status');
    expect(body).toMatchObject({ queueDepth: expect.any(Number), queues: { sdxl_queue: {}, wan_queue: {} } });
  });
});

describe('assets', () => {
  it('deleting one › 204, then 404, and its file and preview are gone', async () => {
    const { job } = await queued({ jobType: 'sdxl_image_fast', metadata: { prompt: 'a fox', count: 1 } });
    await polled(job.id);
    const [asset] = await listedAssets(job.id, 1);
    const address = `/api/assets/${asset?.id}`;
    expect((await client.request(address, { method: 'DELETE' })).status).toBe(204);
    expect((await client.request(address)).status).toBe(404);
    expect((await client.request(address, { method: 'DELETE' })).status).toBe(404);
    const addresses = [asset?.url, asset?.preview_url].filter((url) => typeof url === 'string');
    for (const url of addresses) expect((await fetch(url)).status).toBe(404);
  });

  it('a swapped signature › 403', async () => {
    const { body } = await client.request<AssetsPage>('/api/assets?limit=10');
    const [one, other] = body.assets.map(({ url }) => new URL(url));
    if (!one || !other) throw new Error('there are not two assets');
    one.search = other.search;
    expect((await fetch(one)).status).toBe(403);
  });
});

describe('“Performance Monitoring”', () => {
  it('“Key Metrics to Track” › are beside the targets of the reference, for operators', async () => {
    const { job } = await queued({ jobType: 'sdxl_image_fast', metadata: { prompt: 'a lighthouse', count: 1 } });
    expect((await polled(job.id)).status).toBe('completed');
    const authorization = `Bearer ${await platform.token('root', { role: 'service_role' })}`;
    const operator = new ContractClient(() => platform.url, { authorization });
    const summary = async () => (await operator.request<MetricsSummary>('/api/admin/metrics-summary')).body;
    const measured = async () => (await summary()).job_types[0]?.made_seconds.actual ?? null;
    await expect.poll(measured, { timeout: 15_000, interval: 50 }).not.toBeNull();
    const { targets, job_types: types } = await summary();
    expect(targets).toMatchObject({
      success_rate: { actual: 1, target: 0.95, met: true },
      queue_wait_seconds: { target: 300, met: true },
      queue_depth: { target: 10 },
      api_response_ms: { actual: expect.any(Number), target: 500 },
    });
    const times = types.map(({ job_type: type, made_seconds: made }) => [type, made.target]);
    expect(Object.fromEntries(times)).toMatchObject({
      ...{ sdxl_image_fast: 29.9, sdxl_image_high: 42.4, video_fast: 251.5, video_high: 359.7 },
    });
    const { body } = await operator.request<WorkersAnswer>('/api/admin/workers');
    expect(body.engines.sdxl.workers).toBe(1);
    expect(body.workers.map(({ engine }) => engine)).toContain('enhancer');
    expect((await operator.request('/api/admin/dead-letters')).body).toEqual({ dead_letters: [], next_cursor: null });
  });
});
