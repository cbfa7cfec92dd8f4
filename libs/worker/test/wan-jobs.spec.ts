import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { StorageError } from '#asset-store/storage-error.js';
import { cancelJob } from '#contracts/domain/job-decisions.js';
import type { JobRequested, PromptEnhanced } from '#contracts/events/job-events.js';
import { JOB_CATALOGUE, type JobType } from '#contracts/job-catalogue.js';
import { requestCancel } from '#eventing/live.js';
import { aRequest } from '../../eventing/test/a-job.js';
import type { Engine } from '../src/engine.js';
import { readMp4Video } from '../src/mp4-video.js';
import { checkPicture } from '../src/picture-check.js';
import { checkVideo } from '../src/video-check.js';
import { FaultyEngine } from './faulty-engine.js';
import { engineOf, WorkerKit } from './worker-kit.js';

let kit: WorkerKit;
let preview: Engine;

beforeAll(async () => {
  kit = await WorkerKit.start();
  preview = await engineOf(0);
});

afterEach(() => kit.rest());
afterAll(() => kit?.close());

describe('a video job', () => {
  it.each([
    ['video_fast', 83 / 16],
    ['video_high', 83 / 14],
  ] as const)('%s ends completed with one MP4 of its frames', async (jobType, seconds) => {
    const job = await kit.run(aWanRequest(jobType), { engine: preview });

    expect(job).toMatchObject({ status: 'completed', completed: { missing: [] } });
    expect(job.assets).toMatchObject([{ mediaType: 'video/mp4', width: 480, height: 832, durationSeconds: seconds }]);
    const [asset] = job.assets;
    const file = await fileOf(asset?.key);
    expect(createHash('sha256').update(file).digest('hex')).toBe(asset?.sha256);
    expect(asset?.bytes).toBe(file.length);
    const shape = { width: 480, height: 832, frames: 83, fps: JOB_CATALOGUE[jobType].fps ?? 0 };
    expect(checkVideo(file, shape)).toMatchObject({ ok: true, video: { indexFirst: true, profile: 100 } });
  });

  it('carries prompt, seed and the mark of generated media in its file, and its poster the mark', async () => {
    const request = aWanRequest('video_fast', { prompt: { text: 'Zwei Möwen, 夕焼け' }, seeds: [77] });
    const job = await kit.run(request, { engine: preview });
    const file = await fileOf(job.assets[0]?.key);
    for (const text of ['Zwei Möwen, 夕焼け', 'Seed: 77', 'digitalsourcetype/algorithmicMedia'])
      expect(file.includes(text)).toBe(true);
    const poster = await fileOf(job.assets[0]?.preview?.key);
    expect(poster.includes('digitalsourcetype/algorithmicMedia')).toBe(true);
    expect(job.assets[0]?.preview).toMatchObject({ mediaType: 'image/webp', width: 320, height: 555 });
  });

  it.each([
    ['is black', 'every frame is black', new Uint8Array()],
    ['is no MP4', 'does not start with ftyp', Buffer.from('no video at all')],
  ])('fails when what the engine made %s', async (_, reason, bytes) => {
    const black = bytes.length === 0 ? await blackVideo() : bytes;
    const engine = new FaultyEngine(preview, { replace: black });
    const job = await kit.run(aWanRequest('video_fast'), { engine });
    expect(job).toMatchObject({ status: 'failed', failed: { code: 'no_valid_output' } });
    expect(job).toMatchObject({ failed: { message: expect.stringContaining(reason) } });
  });

  it('stops within a second when it is cancelled while frames are made, and leaves no file', async () => {
    const request = aWanRequest('video_high');
    const making = kit.progressed(request.jobId, ({ stage, percent }) => stage === 'generating' && percent >= 5);
    kit.startWorker({ engine: await engineOf(1) }, 'video_high');
    await kit.store.request(request);
    await making;
    const next = aWanRequest('image_fast');
    const watched = kit.watch(next.jobId);
    await watched.ready;
    const started = watched.saw('JobStarted');
    await kit.store.execute(request.jobId, (job) => cancelJob(job, 'alice'));
    const at = Date.now();
    requestCancel(kit.bus, request.jobId);
    await kit.store.request(next);
    await started;
    expect(Date.now() - at).toBeLessThan(1_000);
    await watched.ended;
    await expect(readdir(join(kit.folder, request.bucket, request.accountKey, request.jobId))).rejects.toThrow(
      'ENOENT',
    );
  });
});

describe('a picture job of WAN', () => {
  it('ends completed with one PNG and its preview', async () => {
    const job = await kit.run(aWanRequest('image_high'), { engine: preview });
    expect(job.assets).toMatchObject([{ index: 0, mediaType: 'image/png', width: 480, height: 832 }]);
    expect(job.assets[0]).not.toHaveProperty('durationSeconds');
    const file = await fileOf(job.assets[0]?.key);
    expect(await checkPicture(file, { width: 480, height: 832 })).toMatchObject({ ok: true });
    const files = await readdir(join(kit.folder, dirname(job.assets[0]?.key ?? '')));
    expect(files.sort()).toEqual(['0.png', '0.preview.webp']);
  });

  it('completes without a preview when that cannot be stored', async () => {
    const job = await kit.run(aWanRequest('image_fast'), { engine: preview, assets: new NoPreviews(kit.folder) });
    expect(job.status).toBe('completed');
    expect(job.assets[0]).not.toHaveProperty('preview');
  });
});

describe('what the engine is told', () => {
  it.each(['image_fast', 'video_fast'] as const)('never holds a negative prompt for %s', async (jobType) => {
    const engine = new FaultyEngine(preview, {});
    await kit.run(aWanRequest(jobType, { negativePrompt: { text: 'blurry' } }), { engine });
    expect(engine.requests).toHaveLength(1);
    expect(engine.requests[0]?.negativePrompt).toBeUndefined();
    expect(JSON.stringify(engine.requests)).not.toContain('blurry');
  });

  it('holds it for SDXL', async () => {
    const engine = new FaultyEngine(preview, {});
    await kit.run(aRequest({ seeds: [1], negativePrompt: { text: 'blurry' } }), { engine });
    expect(engine.requests[0]?.negativePrompt).toBe('blurry');
  });

  it.each([
    ['the enhanced prompt', { enhanced: { text: 'a lighthouse, golden light' } }, 'a lighthouse, golden light'],
    ['the original one when it was not enhanced', { skipped: 'timeout' }, 'a lighthouse'],
  ] as const)('is %s', async (_, outcome, expected) => {
    const request = aWanRequest('image7b_fast_enhanced', { prompt: { text: 'a lighthouse' } });
    const engine = new FaultyEngine(preview, {});
    const watched = kit.watch(request.jobId);
    await watched.ready;
    kit.startWorker({ engine }, request.jobType);
    await kit.store.request(request);
    const { jobId, prompt: original } = request;
    const data: PromptEnhanced = { jobId, original, model: 'test', durationMs: 1, ...outcome };
    await kit.store.execute(jobId, () => ({ decided: 'append', event: { type: 'PromptEnhanced', data } }));
    const job = await watched.ended;
    expect(watched.types()).toEqual(['JobRequested', 'PromptEnhanced', 'JobStarted', 'AssetStored', 'JobCompleted']);
    expect(engine.requests.map(({ prompt }) => prompt)).toEqual([expected]);
    expect((await fileOf(job.assets[0]?.key)).includes(`${expected}\n`)).toBe(true);
  });
});

function aWanRequest(jobType: JobType, over: Partial<JobRequested> = {}): JobRequested {
  const { config, bucket, credits } = JOB_CATALOGUE[jobType];
  return aRequest({ jobType, config, bucket, credits, seeds: [1], ...over });
}

function fileOf(key = ''): Promise<Buffer> {
  return readFile(join(kit.folder, key));
}

/** The frames of a whole video made of a black picture: the one thing that its structure does not show. */
async function blackVideo(): Promise<Buffer> {
  const { renderVideo } = await import('../src/preview/video.js');
  const shape = { width: 480, height: 832, frames: 83, fps: 16 };
  const signal = new AbortController().signal;
  const black = function* () {
    yield;
    return (_: number, out: Uint8Array) => void out.fill(0);
  };
  const file = await renderVideo(shape, black, { signal, onFrame: async () => {} });
  expect(readMp4Video(file).frames).toHaveLength(83);
  return file;
}

class NoPreviews extends FileAssetStore {
  override async put(key: string, bytes: Uint8Array) {
    if (key.endsWith('.preview.webp')) throw new StorageError('no space left', true);
    return super.put(key, bytes);
  }
}
