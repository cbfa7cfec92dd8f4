import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { StorageError } from '#asset-store/storage-error.js';
import { cancelJob } from '#contracts/domain/job-decisions.js';
import { LIVE_PREVIEW_MAX_BYTES } from '#contracts/limits.js';
import { requestCancel } from '#eventing/live.js';
import { aRequest } from '../../eventing/test/a-job.js';
import { type Engine, EngineError } from '../src/engine.js';
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

describe('a job of six pictures', () => {
  it('ends completed with six stored files, told one by one', async () => {
    const request = aRequest();
    const watched = kit.watch(request.jobId);
    await watched.ready;
    kit.startWorker({ engine: preview });
    await kit.store.request(request);
    const job = await watched.ended;
    expect(watched.types()).toEqual(['JobRequested', 'JobStarted', ...Array(6).fill('AssetStored'), 'JobCompleted']);
    expect(job.assets.map((asset) => asset.index)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const asset of job.assets) expect(await sha256Of(asset.key)).toBe(asset.sha256);
    expect(job).toMatchObject({
      completed: { missing: [], attempt: 1, primaryAsset: `http://here/assets/${job.assets[0]?.key}` },
    });
  });

  it('carries prompt, seed and the mark of generated media in every file', async () => {
    const request = aRequest({ prompt: { text: 'Zwei Möwen, 夕焼け' } });
    const job = await kit.run(request, { engine: preview });
    for (const asset of job.assets) {
      const bytes = await readFile(join(kit.folder, asset.key));
      expect(bytes.includes('Zwei Möwen, 夕焼け')).toBe(true);
      expect(bytes.includes(`Seed: ${asset.seed}`)).toBe(true);
      expect(bytes.includes('digitalsourcetype/algorithmicMedia')).toBe(true);
    }
  });

  it('shows what it is becoming, once a second at most and nothing large', async () => {
    const small = { mediaType: 'image/jpeg', width: 64, height: 64, bytes: Buffer.from('a picture') } as const;
    const [request, other] = [aRequest(), aRequest()];
    const [shown, ofOther] = [kit.previewsOf(request.jobId), kit.previewsOf(other.jobId)];
    const previews = [0, 1, 2].map((index) => ({ index, ...small }));
    await kit.run(request, { engine: new FaultyEngine(preview, { previews }) });
    await kit.rest();
    const large = { index: 0, ...small, bytes: Buffer.alloc(LIVE_PREVIEW_MAX_BYTES + 1) };
    const job = await kit.run(other, { engine: new FaultyEngine(preview, { previews: [large] }) });
    const { bytes, ...facts } = small;
    const data = bytes.toString('base64');
    expect(shown).toEqual([{ jobId: request.jobId, attempt: 1, index: 0, ...facts, data }]);
    expect(ofOther).toEqual([]);
    expect(job.status).toBe('completed');
  });

  it('is a partial success when one picture is black', async () => {
    const job = await kit.run(aRequest(), { engine: new FaultyEngine(preview, { black: [2] }) });
    expect(job.status).toBe('completed');
    expect(job.assets.map((asset) => asset.index)).toEqual([0, 1, 3, 4, 5]);
    expect(job).toMatchObject({ completed: { missing: [{ index: 2 }] } });
  });

  it('fails when no picture is usable', async () => {
    const job = await kit.run(aRequest(), { engine: new FaultyEngine(preview, { black: [0, 1, 2, 3, 4, 5] }) });
    expect(job).toMatchObject({ status: 'failed', failed: { code: 'no_valid_output' } });
  });

  it('fails for good when the engine says that trying again is no use', async () => {
    const error = new EngineError('engine_failed', 'no such model', false);
    const job = await kit.run(aRequest(), {
      engine: new FaultyEngine(preview, { throwAt: { index: 3, error, times: 1 } }),
    });
    expect(job).toMatchObject({ status: 'failed', failed: { code: 'engine_failed', attempt: 1 } });
    expect(job.assets).toHaveLength(3);
  });

  it('is tried again after a passing fault, and makes only what is missing', async () => {
    const error = new EngineError('engine_failed', 'out of memory', true);
    const engine = new FaultyEngine(preview, { throwAt: { index: 4, error, times: 1 } });
    const job = await kit.run(aRequest(), { engine });
    expect(job).toMatchObject({ status: 'completed', started: { attempt: 2 } });
    expect(job.assets).toHaveLength(6);
    expect(engine.asked).toEqual([
      [0, 1, 2, 3, 4, 5],
      [4, 5],
    ]);
  });

  it('waits for an asset store that is full for a moment', async () => {
    const assets = new BrieflyFullStore(kit.folder, 2);
    const job = await kit.run(aRequest(), { engine: preview, assets });
    expect(job).toMatchObject({ status: 'completed', started: { attempt: 1 } });
    expect(job.assets).toHaveLength(6);
    const files = await readdir(join(kit.folder, dirname(job.assets[0]?.key ?? '')));
    const expected = job.assets.flatMap(({ index }) => [`${index}.png`, `${index}.preview.webp`]).sort();
    expect(files.sort()).toEqual(expected);
  });
});

describe('a job that is cancelled', () => {
  it('never touches the engine when it was cancelled while waiting', async () => {
    const request = aRequest();
    await kit.store.request(request);
    await kit.store.execute(request.jobId, (job) => cancelJob(job, 'alice'));
    const engine = new FaultyEngine(preview, {});
    const next = await kit.run(aRequest(), { engine });
    expect(next.status).toBe('completed');
    expect(engine.asked).toHaveLength(1);
    expect((await kit.store.load(request.jobId))?.status).toBe('cancelled');
  });

  it('stops within a second when it is running, and the worker takes the next', async () => {
    const request = aRequest();
    const first = kit.progressed(request.jobId);
    kit.startWorker({ engine: await engineOf(20_000) });
    await kit.store.request(request);
    await first;
    await kit.store.execute(request.jobId, (job) => cancelJob(job, 'alice'));
    const at = Date.now();
    const next = aRequest();
    const watched = kit.watch(next.jobId);
    await watched.ready;
    const started = watched.saw('JobStarted');
    requestCancel(kit.bus, request.jobId);
    await kit.store.request(next);
    await started;
    expect(Date.now() - at).toBeLessThan(1_000);
    const history = await kit.store.history(request.jobId);
    expect(history.at(-1)?.type).toBe('JobCancelled');
  });
});

describe('a job that is cancelled while a file is stored', () => {
  it('leaves no file that no event tells of', async () => {
    const request = aRequest();
    const cancel = () => kit.store.execute(request.jobId, (job) => cancelJob(job, 'alice'));
    const assets = new HookedStore(kit.folder, async (key) => {
      // The worker may have a job of an earlier test first.
      if (key.endsWith(`${request.jobId}/1.png`)) await cancel();
    });
    const watched = kit.watch(request.jobId);
    await watched.ready;
    kit.startWorker({ engine: preview, assets });
    await kit.store.request(request);
    const job = await watched.ended;
    expect(job.assets.map(({ index }) => index)).toEqual([0]);
    const folderOfJob = join(kit.folder, dirname(job.assets[0]?.key ?? ''));
    await expect.poll(() => readdir(folderOfJob)).toEqual(['0.png', '0.preview.webp']);
  });
});

describe('a worker that must stop', () => {
  it('hands the job to another at once, which makes only what is missing', async () => {
    const request = aRequest();
    const watched = kit.watch(request.jobId);
    await watched.ready;
    const leaving = kit.startWorker({ engine: await engineOf(3_000) });
    await kit.store.request(request);
    await watched.saw('AssetStored');
    await leaving.handBackNow();
    kit.startWorker({ engine: preview });
    const job = await watched.ended;
    expect(job).toMatchObject({ status: 'completed', started: { attempt: 2 } });
    expect(job.assets).toHaveLength(6);
  });
});

async function sha256Of(key: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(kit.folder, key)))
    .digest('hex');
}

class BrieflyFullStore extends FileAssetStore {
  constructor(
    root: string,
    private failures: number,
  ) {
    super(root);
  }

  override async put(key: string, bytes: Uint8Array) {
    if (this.failures-- <= 0) return super.put(key, bytes);
    // A disk that fails in mid-write does not let the half of it be removed.
    const path = join(this.root, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(join(dirname(path), `.${basename(path)}.${randomUUID()}.part`), 'half');
    throw new StorageError('no space left', true);
  }
}

class HookedStore extends FileAssetStore {
  constructor(
    root: string,
    private readonly afterPut: (key: string) => Promise<void>,
  ) {
    super(root);
  }

  override async put(key: string, bytes: Uint8Array) {
    const stored = await super.put(key, bytes);
    await this.afterPut(key);
    return stored;
  }
}
