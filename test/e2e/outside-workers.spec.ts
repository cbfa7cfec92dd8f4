import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AssetsPage, JobView } from '#contracts/http/answers.js';
import type { ErrorBody } from '#contracts/http/error-codes.js';
import type { ClaimedJob, UploadSlot } from '#contracts/http/outside-workers.js';
import { newJobId } from '#contracts/ids.js';
import { createLog } from '#service-kit/log.js';
import type { EngineOutput, EngineOutputFailure } from '#worker/engine.js';
import { encodePng } from '#worker/preview/png-writer.js';
import { createPreviewEngine } from '#worker/preview/preview-engine.js';
import {
  authorization,
  get,
  type Kit,
  queued,
  read,
  startKit,
  TestWorker,
  tokenFor,
} from '../../services/gateway/test/gateway-kit.js';
import { readConfiguration } from '../../services/jobs/src/configuration.js';
import { JobsProcess } from '../../services/jobs/src/jobs-process.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { type TestPostgres, testPostgres } from '../support/servers.js';

const WORKER_TOKEN = 'the-token-of-outside-workers-32-bytes-or-more';
const EXAMPLE = fileURLToPath(new URL('../../examples/outside-worker/worker.py', import.meta.url));
const GUIDE = fileURLToPath(new URL('../../docs/outside-workers.md', import.meta.url));
const PICTURE = { jobType: 'sdxl_image_fast', metadata: { prompt: 'a lighthouse at dawn', seed: 7, count: 2 } };
const AUTHORIZED = { authorization: `Bearer ${WORKER_TOKEN}` };

let kit: Kit;
let postgres: TestPostgres;
let jobs: JobsProcess;
let picture: Buffer;

beforeAll(async () => {
  [kit, postgres] = await Promise.all([
    startKit({ WORKER_TOKEN, SERVED_ROUTES: 'sdxl,wan,wan-enhanced' }),
    testPostgres(),
  ]);
  jobs = await startJobs();
  picture = await aPicture(1024, 1024);
});
afterAll(async () => {
  await jobs?.stop();
  await kit?.close();
  await postgres?.close();
});

const requested: JobView[] = [];

async function request(wish: object): Promise<JobView> {
  const job = await queued(kit.url, wish);
  requested.push(job);
  return job;
}

/** What one test leaves is not the next one's. */
async function cancelAll(): Promise<void> {
  const headers = await authorization();
  await Promise.all(requested.splice(0).map(({ urls }) => fetch(urls.cancel, { method: 'POST', headers })));
}

async function startJobs(): Promise<JobsProcess> {
  const environment = {
    NATS_URL: kit.nats.url,
    DATABASE_URL: postgres.url,
    PUBLIC_URL: kit.url,
    WEBHOOK_SECRET: 'w'.repeat(32),
  };
  const started = new JobsProcess(readConfiguration(environment), createLog('jobs', 'silent'));
  await started.start();
  return started;
}

function aPicture(width: number, height: number, factor = 1): Promise<Buffer> {
  const paint = (y: number, row: Uint8Array) => row.set(row.map((_, x) => factor * x * y));
  return encodePng({ width, height }, paint, new AbortController().signal);
}

/** Made by the preview engine, as any engine would make it. */
async function aVideo(): Promise<Uint8Array> {
  const engine = createPreviewEngine({ durationMs: 0 });
  const { signal } = new AbortController();
  await engine.setup(signal);
  const video = { frames: 83, fps: 16 };
  const size = { width: 480, height: 832, steps: 1, guidanceScale: 1 };
  const outputs = [{ index: 0, seed: 1 }];
  const made: Uint8Array[] = [];
  const callbacks = {
    onProgress: () => undefined,
    onPreview: () => undefined,
    onOutput: async ({ bytes }: EngineOutput) => void made.push(bytes),
    onOutputFailed: ({ reason }: EngineOutputFailure) => expect.fail(reason),
  };
  await engine.run({ jobId: newJobId(), prompt: 'x', ...size, video, outputs }, callbacks, signal);
  await engine.close();
  return Buffer.concat(made);
}

function send(path: string, body: unknown, headers: Record<string, string> = AUTHORIZED): Promise<Response> {
  const json = { ...headers, 'content-type': 'application/json' };
  return fetch(`${kit.url}${path}`, { method: 'POST', headers: json, body: JSON.stringify(body) });
}

const CLAIM = { queues: ['sdxl_queue', 'wan_queue'], worker: 'w1', wait_seconds: 5 };

async function claimed(claim: object = CLAIM): Promise<ClaimedJob> {
  const response = await send('/api/worker/claim', claim);
  expect(response.status).toBe(200);
  return read<ClaimedJob>(response);
}

function callback(job: Pick<ClaimedJob, 'id' | 'attempt'>, word: object): Promise<Response> {
  return send('/api/job-callback', { job_id: job.id, attempt: job.attempt, ...word });
}

function upload(slot: UploadSlot | undefined, file: Uint8Array, headers: Record<string, string> = {}) {
  const type = { 'content-type': slot?.content_type ?? '', ...headers };
  return fetch(slot?.url ?? '', { method: 'PUT', headers: type, body: Buffer.from(file) });
}

async function codeOf(response: Response | Promise<Response>): Promise<string> {
  const { status } = await response;
  return `${status} ${(await read<ErrorBody>(response)).code}`;
}

function jobOf({ id }: { id: string }): Promise<JobView> {
  return read<JobView>(get(kit.url, `/api/jobs/${id}`));
}

function listed({ id }: { id: string }, count: number) {
  const list = () => read<AssetsPage>(get(kit.url, `/api/assets?jobId=${id}`));
  return expect
    .poll(async () => (await list()).assets.length, { timeout: 10_000 })
    .toBe(count)
    .then(list);
}

describe('a worker that does not speak NATS', () => {
  afterEach(cancelAll);

  test('gets the reference’s payload, sends its pictures and completes the job', async () => {
    const view = await request(PICTURE);
    const job = await claimed();
    expect(job).toMatchObject({
      id: view.id,
      type: 'sdxl_image_fast',
      prompt: 'a lighthouse at dawn',
      negative_prompt: view.metadata.negative_prompt,
      config: { size: '1024*1024', sample_steps: 25, frame_num: 1, file_extension: 'png' },
      user_id: 'alice',
      model_variant: 'lustify_sdxl',
      bucket: 'sdxl_image_fast',
      metadata: { num_images: 2, seeds: [7, 8], dual_worker_routing: true },
      attempt: 1,
      lease_seconds: 60,
      uploads: [
        { index: 0, seed: 7, method: 'PUT', content_type: 'image/png', max_bytes: 5 * 1024 * 1024 },
        { index: 1, seed: 8 },
      ],
    });
    const word = { status: 'processing', progress: { percent: 50, step: 12, steps: 25 } };
    expect((await callback(job, word)).status).toBe(200);
    await expect.poll(async () => (await jobOf(job)).progress).toMatchObject({ percent: 50, step: 12, steps: 25 });
    for (const slot of job.uploads) expect(await read(upload(slot, picture))).toMatchObject({ key: slot.key });
    expect((await jobOf(job)).metadata.all_assets).toHaveLength(2);
    const done = await callback(job, { status: 'completed', assets: job.uploads.map(({ key }) => key) });
    expect(await read(done)).toEqual({ success: true, message: 'The job is completed.' });
    expect(await jobOf(job)).toMatchObject({ status: 'completed', metadata: { engine: { engine: 'outside' } } });
    const { assets } = await listed(job, 2);
    for (const { url } of assets) {
      const file = Buffer.from(await (await fetch(url)).arrayBuffer());
      expect(file.includes('a lighthouse at dawn')).toBe(true);
      expect(file.includes('digitalsourcetype/trainedAlgorithmicMedia')).toBe(true);
    }
  });

  test('finds nothing › 204 after as long as it would wait', async () => {
    const response = await send('/api/worker/claim', { ...CLAIM, wait_seconds: 0 });
    expect([response.status, await response.text()]).toEqual([204, '']);
  });

  test('waits › gets a job as soon as there is one', async () => {
    const claim = claimed();
    const { id } = await request(PICTURE);
    expect((await claim).id).toBe(id);
  });

  test('hangs up while it waits › its job goes to another one', async () => {
    const gone = new AbortController();
    const headers = { ...AUTHORIZED, 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify({ ...CLAIM, wait_seconds: 30 }) };
    const waiting = fetch(`${kit.url}/api/worker/claim`, { ...init, signal: gone.signal });
    await expect.poll(() => workersSeen()).toBe(1);
    gone.abort();
    await expect(waiting).rejects.toThrow();
    const { id } = await request(PICTURE);
    expect((await claimed({ ...CLAIM, worker: 'w2' })).id).toBe(id);
  });

  test('enhanced the prompt itself › the job keeps it beside the original', async () => {
    await request({ jobType: 'image_high', metadata: { prompt: 'a lighthouse' } });
    const job = await claimed();
    await upload(job.uploads[0], await aPicture(480, 832));
    await callback(job, { status: 'completed', assets: [0], enhancedPrompt: 'a far finer lighthouse' });
    const metadata = { prompt: 'a lighthouse', enhanced_prompt: 'a far finer lighthouse' };
    expect(await jobOf(job)).toMatchObject({ status: 'completed', metadata });
  });

  test('makes a video › it is looked at, marked, and has a preview', async () => {
    await request({ jobType: 'video_fast', metadata: { prompt: 'a lighthouse' } });
    const job = await claimed();
    const [slot] = job.uploads;
    expect(slot).toMatchObject({ content_type: 'video/mp4', key: expect.stringMatching(/\/0\.mp4$/) });
    expect(await codeOf(upload(slot, picture))).toBe('422 unusable_file');
    expect((await upload(slot, await aVideo())).status).toBe(200);
    expect((await callback(job, { status: 'completed', assets: [slot?.key] })).status).toBe(200);
    const [asset] = (await listed(job, 1)).assets;
    expect(asset).toMatchObject({ media_type: 'video/mp4', width: 480, height: 832, duration_s: 83 / 16 });
    const file = Buffer.from(await (await fetch(asset?.url ?? '')).arrayBuffer());
    expect(file.includes('digitalsourcetype/trainedAlgorithmicMedia')).toBe(true);
    expect((await fetch(asset?.preview_url ?? '')).headers.get('content-type')).toBe('image/webp');
  });

  test('fails › the job has failed with the worker’s words', async () => {
    await request(PICTURE);
    const job = await claimed();
    const word = { status: 'failed', error_message: 'CUDA out of memory\0' };
    expect(await read(callback(job, word))).toMatchObject({ success: true });
    const failed = { status: 'failed', error_code: 'engine_failed', error_message: 'CUDA out of memory' };
    expect(await jobOf(job)).toMatchObject(failed);
  });

  test('completes without assets › the job has failed', async () => {
    await request(PICTURE);
    const job = await claimed();
    expect((await callback(job, { status: 'completed' })).status).toBe(200);
    expect(await jobOf(job)).toMatchObject({ status: 'failed', error_code: 'completed_without_assets' });
  });

  test('while jobs is restarted › completes all the same', async () => {
    await request(PICTURE);
    const job = await claimed();
    await upload(job.uploads[0], picture);
    await jobs.stop();
    expect(await codeOf(callback(job, { status: 'completed', assets: [0] }))).toBe('503 queue_unavailable');
    expect(await codeOf(send('/api/worker/claim', CLAIM))).toBe('503 queue_unavailable');
    jobs = await startJobs();
    expect((await callback(job, { status: 'completed', assets: [0] })).status).toBe(200);
    expect(await jobOf(job)).toMatchObject({ status: 'completed', metadata: { partial: { missing: [1] } } });
  });
});

describe('a request of a worker', () => {
  afterEach(cancelAll);
  const routes = ['/api/worker/claim', '/api/job-callback'];

  test.each(routes)('to %s › needs the token of workers', async (path) => {
    const user = await tokenFor('alice', { role: 'admin' });
    for (const token of [user, 'x', `${WORKER_TOKEN} x`, `${WORKER_TOKEN}x`]) {
      const refused = send(path, {}, { authorization: `Bearer ${token}` });
      expect(await codeOf(refused)).toMatch(/^401 (invalid_token|authentication_required)$/);
    }
    expect(await codeOf(send(path, {}, {}))).toBe('401 authentication_required');
  });

  test('with the token of workers › opens nothing else', async () => {
    for (const path of ['/api/jobs', '/api/assets', '/api/queue-status']) {
      expect(await codeOf(fetch(`${kit.url}${path}`, { headers: AUTHORIZED }))).toBe('401 invalid_token');
    }
  });

  test('where there is no such token › is refused', async () => {
    const { url } = await kit.startAnother({ WORKER_TOKEN: '' });
    for (const path of routes) {
      const refused = fetch(`${url}${path}`, { method: 'POST', headers: AUTHORIZED, body: '{}' });
      expect(await codeOf(refused)).toBe('503 outside_workers_off');
    }
  });

  test.each([
    ['queues', {}],
    ['queues', { queues: [] }],
    ['queues', { queues: ['sdxl_queue', 'sdxl_queue'] }],
    ['queues', { queues: ['no_queue'] }],
    ['queues', { queues: 'sdxl_queue' }],
    ['worker', { queues: ['sdxl_queue'] }],
    ['worker', { queues: ['sdxl_queue'], worker: 'a.b>*' }],
    ['worker', { queues: ['sdxl_queue'], worker: 'x'.repeat(65) }],
    ['wait_seconds', { ...CLAIM, wait_seconds: 31 }],
    ['wait_seconds', { ...CLAIM, wait_seconds: -1 }],
    ['wait_seconds', { ...CLAIM, wait_seconds: '5' }],
    ['JSON object', [CLAIM]],
  ])('to claim with wrong %s › 400', async (field, body) => {
    const error = await read<ErrorBody>(send('/api/worker/claim', body));
    expect(error).toMatchObject({ code: 'invalid_body', details: expect.stringContaining(field) });
  });

  test.each([
    ['job_id', { status: 'failed' }],
    ['job_id', { job_id: 7, status: 'failed' }],
    ['status', { job_id: newJobId() }],
    ['status', { job_id: newJobId(), status: 'done' }],
    ['assets', { job_id: newJobId(), status: 'completed', assets: 'a.png' }],
    ['assets', { job_id: newJobId(), status: 'completed', assets: [{}] }],
    ['assets', { job_id: newJobId(), status: 'completed', assets: [0, 1, 2, 3, 4, 5, 6] }],
    ['error_message', { job_id: newJobId(), status: 'failed', error_message: {} }],
    ['enhancedPrompt', { job_id: newJobId(), status: 'failed', enhancedPrompt: 'x'.repeat(10_001) }],
    ['enhancedPrompt', { job_id: newJobId(), status: 'failed', enhancedPrompt: '\0' }],
    ['attempt', { job_id: newJobId(), status: 'failed', attempt: 0 }],
    ['percent', { job_id: newJobId(), status: 'processing', progress: { percent: 101 } }],
    ['stage', { job_id: newJobId(), status: 'processing', progress: { percent: 1, stage: 'x' } }],
  ])('to call back with wrong %s › 400', async (field, body) => {
    const error = await read<ErrorBody>(send('/api/job-callback', body));
    expect(error).toMatchObject({ code: 'invalid_body', details: expect.stringContaining(field) });
  });

  test('about a job that is not its own › is refused and disturbs nobody', async () => {
    const failed = { status: 'failed', attempt: undefined };
    expect(await codeOf(callback({ id: newJobId(), attempt: 1 }, failed))).toBe('404 unknown_job');
    expect(await codeOf(callback({ id: 'ourvidz.>', attempt: 1 }, failed))).toBe('404 unknown_job');
    const view = await request(PICTURE);
    expect(await codeOf(callback({ id: view.id, attempt: 1 }, failed))).toBe('409 not_claimed');
    await new TestWorker(kit.jobs, kit.folder).start(view.id);
    expect(await codeOf(callback({ id: view.id, attempt: 1 }, failed))).toBe('409 not_claimed');
    expect((await jobOf(view)).status).toBe('processing');
  });

  test('that comes again › has the same answer, and another one › 409', async () => {
    await request(PICTURE);
    const job = await claimed();
    expect(await codeOf(callback(job, { status: 'completed', assets: [0] }))).toBe('400 invalid_body');
    expect((await upload(job.uploads[0], picture)).status).toBe(200);
    for (let time = 0; time < 2; time++) {
      expect((await callback(job, { status: 'completed', assets: [job.uploads[0]?.key] })).status).toBe(200);
    }
    expect(await codeOf(callback(job, { status: 'failed' }))).toBe('409 already_ended');
    expect(await codeOf(callback(job, { status: 'processing' }))).toBe('409 already_ended');
    expect(await codeOf(upload(job.uploads[1], picture))).toBe('409 already_ended');
    const other = { ...job, attempt: job.attempt + 1 };
    expect(await codeOf(callback(other, { status: 'failed' }))).toBe('409 stale_attempt');
  });
});

describe('a file of a worker', () => {
  let job: ClaimedJob;
  let slot: UploadSlot;

  beforeAll(async () => {
    await request(PICTURE);
    job = await claimed();
    const [first] = job.uploads;
    if (!first) throw new Error('the job has no outputs');
    slot = first;
  });
  afterAll(cancelAll);

  test('without the right signature › 403', async () => {
    const changed = [slot.url.replace('max=', 'max=9'), slot.url.replace('/0.png', '/1.png'), slot.url.split('?')[0]];
    for (const url of changed)
      expect(await codeOf(upload({ ...slot, url: url ?? '' }, picture))).toBe('403 invalid_signature');
    expect(await codeOf(fetch(slot.url))).toBe('403 invalid_signature');
  });

  test('that is too large › 413, whether it says so or not', async () => {
    const large = Buffer.alloc(slot.max_bytes + 1);
    expect(await codeOf(upload(slot, large))).toBe('413 file_too_large');
    const body = new Blob([large]).stream();
    const headers = { 'content-type': slot.content_type };
    const chunked = fetch(slot.url, { method: 'PUT', headers, body, duplex: 'half' } as RequestInit);
    expect(await codeOf(chunked)).toBe('413 file_too_large');
    const endless = httpRequest(slot.url, { method: 'PUT', headers });
    endless.write(large);
    const [{ statusCode }] = await once(endless, 'response');
    expect(statusCode).toBe(413);
    endless.destroy();
  });

  test.each([
    ['no picture', () => Buffer.from('no picture'), {}],
    ['cut off', () => picture.subarray(0, 1_000), {}],
    ['nothing', () => Buffer.alloc(0), {}],
    ['of another type', () => picture, { 'content-type': 'video/mp4' }],
    ['of no type', () => picture, { 'content-type': 'application/octet-stream' }],
    ['compressed', () => picture, { 'content-encoding': 'gzip' }],
  ])('that is %s › 422', async (_, file, headers) => {
    expect(await codeOf(upload(slot, file(), headers))).toBe('422 unusable_file');
  });

  test('of another size, or all black › 422', async () => {
    expect(await codeOf(upload(slot, await aPicture(64, 64)))).toBe('422 unusable_file');
    const black = await encodePng({ width: 1024, height: 1024 }, () => undefined, new AbortController().signal);
    expect(await codeOf(upload(slot, black))).toBe('422 unusable_file');
  });

  test('where none is expected › 415', async () => {
    const headers = { ...(await authorization()), 'content-type': 'image/png' };
    const sent = fetch(`${kit.url}/api/queue-job`, { method: 'POST', headers, body: Buffer.from(picture) });
    expect(await codeOf(sent)).toBe('415 unsupported_media_type');
  });

  test('that comes twice › is the first one', async () => {
    const first = await read<{ sha256: string }>(upload(slot, picture));
    expect(await read(upload(slot, await aPicture(1024, 1024, 3)))).toEqual(first);
    expect((await jobOf(job)).metadata.all_assets).toHaveLength(1);
    expect(await partialFiles()).toEqual([]);
  });
});

describe('the guide', () => {
  const missing = ['bash', 'curl', 'jq'].filter((name) => !isThere(name));
  afterEach(cancelAll);

  test.skipIf(missing.length > 0)('has commands that work as they stand (needs bash, curl and jq)', async () => {
    const folder = await scratchFolder();
    await writeFile(join(folder.path, 'picture.png'), picture);
    const { id } = await request({ ...PICTURE, metadata: { ...PICTURE.metadata, count: 1 } });
    const blocks = [...(await readFile(GUIDE, 'utf8')).matchAll(/```\n(curl .*?)```/gs)].map(
      ([, block]) => block ?? '',
    );
    expect(blocks).toHaveLength(3);
    const environment = { PATH: process.env.PATH, URL: kit.url, WORKER_TOKEN };
    for (const block of blocks)
      await promisify(execFile)('bash', ['-ec', block], { cwd: folder.path, env: environment });
    expect(await jobOf({ id })).toMatchObject({ status: 'completed', metadata: { all_assets: [expect.any(String)] } });
    await folder.remove();
  });
});

describe('the example in Python', () => {
  const python = isThere('python3');
  let worker: ChildProcess | undefined;
  afterAll(() => void worker?.kill('SIGKILL'));

  test.skipIf(!python)('makes a job from claim to completion (needs python3)', async () => {
    const environment = { PATH: process.env.PATH, OURVIDZ_URL: kit.url, WORKER_TOKEN, WORKER_NAME: 'python' };
    worker = spawn('python3', [EXAMPLE], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
    const { id } = await request({ ...PICTURE, metadata: { ...PICTURE.metadata, count: 6 } });
    if (!worker.stdout) throw new Error('no output');
    const [said] = await once(worker.stdout, 'data');
    expect(String(said)).toBe(`made ${id}\n`);
    expect(await jobOf({ id })).toMatchObject({ status: 'completed' });
    expect((await listed({ id }, 6)).assets.map(({ seed }) => seed).sort()).toEqual([7, 8, 9, 10, 11, 12].sort());
  });
});

function isThere(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

async function workersSeen(): Promise<number> {
  const { queues } = await read<{ queues: { sdxl_queue: { workers: number }; wan_queue: { workers: number } } }>(
    get(kit.url, '/api/queue-status'),
  );
  return Math.max(queues.sdxl_queue.workers, queues.wan_queue.workers);
}

async function partialFiles(): Promise<string[]> {
  const names = await readdir(kit.folder, { recursive: true });
  return names.filter((name) => name.endsWith('.part'));
}
