import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { StorageError } from '#asset-store/storage-error.js';
import { isEnded, type Job } from '#contracts/domain/job.js';
import { cancelJob } from '#contracts/domain/job-decisions.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import type { ProgressMessage } from '#contracts/progress.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { onCancel, publishProgress, requestCancel, watchJob, watchProgress } from '#eventing/live.js';
import { createTopology } from '#eventing/topology.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { createLog } from '#service-kit/log.js';
import { type OwnTestNats, testNats } from '../../../test/support/servers.js';
import { aRequest, SIZE } from '../../eventing/test/a-job.js';
import { type Engine, EngineError } from '../src/engine.js';
import { JobWorker } from '../src/job-worker.js';
import { createPreviewEngine } from '../src/preview/preview-engine.js';
import { FaultyEngine } from './faulty-engine.js';

const log = createLog('test', 'silent');
let nats: OwnTestNats;
let bus: Bus;
let store: JobStore;
let folder: string;
let preview: Engine;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  nats = await testNats({});
  bus = await connectBus({ url: nats.url, service: 'jobs', log });
  await createTopology(bus, SIZE);
  store = new JobStore(bus);
  folder = await mkdtemp(join(tmpdir(), 'ourvidz-worker-'));
  preview = await engineOf(0);
});

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

afterAll(async () => {
  await bus?.close();
  await nats?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a job of six pictures', () => {
  it('ends completed with six stored files, told one by one', async () => {
    const request = aRequest();
    const watched = watch(request.jobId);
    await watched.ready;
    startWorker({ engine: preview });
    await store.request(request);
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
    const job = await run(request, { engine: preview });
    for (const asset of job.assets) {
      const bytes = await readFile(join(folder, asset.key));
      expect(bytes.includes('Zwei Möwen, 夕焼け')).toBe(true);
      expect(bytes.includes(`Seed: ${asset.seed}`)).toBe(true);
      expect(bytes.includes('digitalsourcetype/algorithmicMedia')).toBe(true);
    }
  });

  it('is a partial success when one picture is black', async () => {
    const job = await run(aRequest(), { engine: new FaultyEngine(preview, { black: [2] }) });
    expect(job.status).toBe('completed');
    expect(job.assets.map((asset) => asset.index)).toEqual([0, 1, 3, 4, 5]);
    expect(job).toMatchObject({ completed: { missing: [{ index: 2 }] } });
  });

  it('fails when no picture is usable', async () => {
    const job = await run(aRequest(), { engine: new FaultyEngine(preview, { black: [0, 1, 2, 3, 4, 5] }) });
    expect(job).toMatchObject({ status: 'failed', failed: { code: 'no_valid_output' } });
  });

  it('fails for good when the engine says that trying again is no use', async () => {
    const error = new EngineError('engine_failed', 'no such model', false);
    const job = await run(aRequest(), {
      engine: new FaultyEngine(preview, { throwAt: { index: 3, error, times: 1 } }),
    });
    expect(job).toMatchObject({ status: 'failed', failed: { code: 'engine_failed', attempt: 1 } });
    expect(job.assets).toHaveLength(3);
  });

  it('is tried again after a passing fault, and makes only what is missing', async () => {
    const error = new EngineError('engine_failed', 'out of memory', true);
    const engine = new FaultyEngine(preview, { throwAt: { index: 4, error, times: 1 } });
    const job = await run(aRequest(), { engine });
    expect(job).toMatchObject({ status: 'completed', started: { attempt: 2 } });
    expect(job.assets).toHaveLength(6);
    expect(engine.asked).toEqual([
      [0, 1, 2, 3, 4, 5],
      [4, 5],
    ]);
  });

  it('waits for an asset store that is full for a moment', async () => {
    const assets = new BrieflyFullStore(folder, 2);
    const job = await run(aRequest(), { engine: preview, assets });
    expect(job).toMatchObject({ status: 'completed', started: { attempt: 1 } });
    expect(job.assets).toHaveLength(6);
    const files = await readdir(join(folder, dirname(job.assets[0]?.key ?? '')));
    const expected = job.assets.flatMap(({ index }) => [`${index}.png`, `${index}.preview.webp`]).sort();
    expect(files.sort()).toEqual(expected);
  });
});

describe('a job that is cancelled', () => {
  it('never touches the engine when it was cancelled while waiting', async () => {
    const request = aRequest();
    await store.request(request);
    await store.execute(request.jobId, (job) => cancelJob(job, 'alice'));
    const engine = new FaultyEngine(preview, {});
    const next = await run(aRequest(), { engine });
    expect(next.status).toBe('completed');
    expect(engine.asked).toHaveLength(1);
    expect((await store.load(request.jobId))?.status).toBe('cancelled');
  });

  it('stops within a second when it is running, and the worker takes the next', async () => {
    const request = aRequest();
    const first = firstProgress(request.jobId);
    startWorker({ engine: await engineOf(20_000) });
    await store.request(request);
    await first;
    await store.execute(request.jobId, (job) => cancelJob(job, 'alice'));
    const at = Date.now();
    const next = aRequest();
    const watched = watch(next.jobId);
    await watched.ready;
    const started = watched.saw('JobStarted');
    requestCancel(bus, request.jobId);
    await store.request(next);
    await started;
    expect(Date.now() - at).toBeLessThan(1_000);
    const history = await store.history(request.jobId);
    expect(history.at(-1)?.type).toBe('JobCancelled');
  });
});

describe('a job that is cancelled while a file is stored', () => {
  it('leaves no file that no event tells of', async () => {
    const request = aRequest();
    const cancel = () => store.execute(request.jobId, (job) => cancelJob(job, 'alice'));
    const assets = new HookedStore(folder, async (key) => {
      // The worker may have a job of an earlier test first.
      if (key.endsWith(`${request.jobId}/1.png`)) await cancel();
    });
    const watched = watch(request.jobId);
    await watched.ready;
    startWorker({ engine: preview, assets });
    await store.request(request);
    const job = await watched.ended;
    expect(job.assets.map(({ index }) => index)).toEqual([0]);
    const folderOfJob = join(folder, dirname(job.assets[0]?.key ?? ''));
    await expect.poll(() => readdir(folderOfJob)).toEqual(['0.png', '0.preview.webp']);
  });
});

describe('a worker that must stop', () => {
  it('hands the job to another at once, which makes only what is missing', async () => {
    const request = aRequest();
    const watched = watch(request.jobId);
    await watched.ready;
    const leaving = startWorker({ engine: await engineOf(3_000) });
    await store.request(request);
    await watched.saw('AssetStored');
    await leaving.handBackNow();
    startWorker({ engine: preview });
    const job = await watched.ended;
    expect(job).toMatchObject({ status: 'completed', started: { attempt: 2 } });
    expect(job.assets).toHaveLength(6);
  });
});

interface WorkerParts {
  engine: Engine;
  assets?: FileAssetStore;
}

function startWorker({ engine, assets = new FileAssetStore(folder) }: WorkerParts) {
  const stopping = new AbortController();
  const handBack = new AbortController();
  const ports = {
    workerId: 'w1',
    engine,
    store: new JobStore(bus),
    assets,
    log,
    urlOf: (key: string) => `http://here/assets/${key}`,
    sendProgress: (progress: ProgressMessage) => publishProgress(bus, progress),
    onCancel: (jobId: string, listener: () => void) => onCancel(bus, jobId, listener),
  };
  const worker = new JobWorker(ports, { handBack: handBack.signal });
  const slot = runWorkSlot(bus, 'sdxl', (delivery) => worker.handle(delivery), stopping.signal);
  const handBackNow = async () => {
    stopping.abort();
    handBack.abort();
    await slot;
  };
  stops.push(handBackNow);
  return { handBackNow };
}

async function run(request: ReturnType<typeof aRequest>, parts: WorkerParts): Promise<Job> {
  const watched = watch(request.jobId);
  await watched.ready;
  startWorker(parts);
  await store.request(request);
  return watched.ended;
}

/** Follows a job's events until it has ended. */
function watch(jobId: string) {
  const events: JobHistoryEvent[] = [];
  const waiting = new Map<string, () => void>();
  const ended = Promise.withResolvers<Job>();
  const live = watchJob(bus, jobId, (event) => {
    events.push(event);
    waiting.get(event.type)?.();
    void store.load(jobId, event.sequence).then((job) => job && isEnded(job) && ended.resolve(job));
  });
  stops.push(async () => live.close());
  const saw = (type: string) => new Promise<void>((resolve) => waiting.set(type, resolve));
  return { ready: live.subscribed, ended: ended.promise, saw, types: () => events.map((event) => event.type) };
}

function firstProgress(jobId: string): Promise<void> {
  return new Promise((resolve) => {
    const stop = watchProgress(bus, jobId, () => {
      stop();
      resolve();
    });
  });
}

async function engineOf(durationMs: number): Promise<Engine> {
  const engine = createPreviewEngine({ durationMs });
  await engine.setup(new AbortController().signal);
  return engine;
}

async function sha256Of(key: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(folder, key)))
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
