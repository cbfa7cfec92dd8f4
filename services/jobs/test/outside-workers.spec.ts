import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { WorkerClaim, WorkerWord } from '#contracts/commands.js';
import type { ProcessingJob } from '#contracts/domain/job.js';
import { cancelJob, enhancePrompt } from '#contracts/domain/job-decisions.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import { MAX_DELIVERIES } from '#contracts/limits.js';
import { JobStore } from '#eventing/job-store.js';
import { requestRelease } from '#eventing/live.js';
import { readQueueDepth } from '#eventing/queue-depth.js';
import { anInstallation, type Installation } from '../../../libs/eventing/test/a-bus.js';
import { Callbacks } from '../src/outside-workers/callbacks.js';
import { Claims } from '../src/outside-workers/claims.js';
import { anAsset, aRequest, start } from './some-jobs.js';

const SHORT_LEASE_MS = 150;
const LONG_WAIT_MS = 10_000;

let installation: Installation;
let store: JobStore;
const stops: AbortController[] = [];

beforeAll(async () => {
  installation = await anInstallation();
  store = new JobStore(installation.bus);
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  // What a test left in the queue is not the next one's.
  for (const jobId of requested.splice(0)) await store.execute(jobId, (job) => cancelJob(job, 'test'));
});
afterAll(() => installation.close());

/** An instance of jobs, as far as outside workers see it. Its end abandons what it holds. */
async function anInstance(leaseMs?: number) {
  const bus = await installation.connect('jobs');
  const stopping = new AbortController();
  stops.push(stopping);
  const own = new JobStore(bus);
  return { claims: new Claims(bus, own, stopping.signal, leaseMs), callbacks: new Callbacks(bus, own), stopping };
}

function aClaim(over: Partial<WorkerClaim> = {}): WorkerClaim {
  return { queues: ['sdxl_queue'], worker: 'w1', waitMs: LONG_WAIT_MS, publicUrl: 'http://here', ...over };
}

function aWord(job: ProcessingJob, over: Partial<WorkerWord> = {}): WorkerWord {
  const { jobId, attempt } = job.started;
  return { jobId, attempt, status: 'completed', assets: [0], publicUrl: 'http://here', ...over };
}

const requested: string[] = [];

async function request(over: Partial<JobRequested> = {}): Promise<JobRequested> {
  const data = aRequest(over);
  await store.request(data);
  requested.push(data.jobId);
  return data;
}

function claimed(job: ProcessingJob | undefined): ProcessingJob {
  if (!job) throw new Error('there was no job');
  return job;
}

/** Messages that some worker has and that are not done with. */
async function inHand(): Promise<number> {
  return (await readQueueDepth(installation.bus, 'sdxl_queue')).processing;
}

describe('a claim', () => {
  test('without a job › waits as long as it may', async () => {
    const { claims } = await anInstance();
    const before = Date.now();
    expect(await claims.claim(aClaim({ waitMs: 200 }))).toBeUndefined();
    expect(Date.now() - before).toBeGreaterThanOrEqual(195);
  });

  test('is answered as soon as there is a job, its attempt started', async () => {
    const { claims } = await anInstance();
    const claim = claims.claim(aClaim());
    const { jobId } = await request();
    const engine = { engine: 'outside', model: 'lustify_sdxl' };
    expect(claimed(await claim).started).toMatchObject({ jobId, attempt: 1, worker: 'w1', engine });
  });

  test('of several workers at several instances › never gets a job that another one has', async () => {
    const instances = [await anInstance(), await anInstance()];
    for (let count = 0; count < 12; count++) await request({ lane: count % 2 ? 'bulk' : 'interactive' });
    const workers = instances.flatMap(({ claims }) => [claims, claims]);
    const got = await Promise.all(
      workers.map(async (claims) => {
        const own: string[] = [];
        for (let job = await claims.claim(aClaim()); job && own.push(job.started.jobId) < 3; )
          job = await claims.claim(aClaim());
        return own;
      }),
    );
    expect(new Set(got.flat()).size).toBe(12);
  });

  test('of an enhanced job › comes after its enhancement', async () => {
    const { claims } = await anInstance();
    const { jobId } = await request({ jobType: 'image7b_fast_enhanced', seeds: [1] });
    const wan = aClaim({ queues: ['wan_queue', 'sdxl_queue'] });
    expect(await claims.claim({ ...wan, waitMs: 100 })).toBeUndefined();
    const enhanced = { text: 'a far finer lighthouse' };
    await store.execute(jobId, (job) => enhancePrompt(job, { enhanced, model: 'qwen', durationMs: 1 }));
    expect(claimed(await claims.claim(wan))).toMatchObject({ started: { jobId }, enhanced: { enhanced } });
  });

  test('of a job that was cancelled while it waited › looks for the next one', async () => {
    const { claims } = await anInstance();
    const [first, second] = [await request(), await request()];
    await store.execute(first.jobId, (job) => cancelJob(job, 'alice'));
    expect(claimed(await claims.claim(aClaim())).started.jobId).toBe(second.jobId);
  });

  test('of a job that wore out its workers › fails it', async () => {
    const { claims } = await anInstance();
    const { jobId } = await request();
    for (let attempt = 1; attempt <= MAX_DELIVERIES; attempt++) await start(store, jobId);
    expect(await claims.claim(aClaim({ waitMs: 100 }))).toBeUndefined();
    expect(await store.load(jobId)).toMatchObject({ status: 'failed', failed: { code: 'worker_lost' } });
  });

  test('of a job whose outputs are all there › completes it', async () => {
    const { claims, callbacks, stopping } = await anInstance(SHORT_LEASE_MS);
    const data = await request({ seeds: [1] });
    const job = claimed(await claims.claim(aClaim()));
    await callbacks.storeAsset({ ...job.started, asset: anAsset(data, 0) });
    const next = claims.claim(aClaim());
    await expect.poll(async () => (await store.load(data.jobId))?.status, { timeout: 5_000 }).toBe('completed');
    stopping.abort();
    expect(await next).toBeUndefined();
    const primaryAsset = `http://here/assets/${anAsset(data, 0).key}`;
    expect(await store.load(data.jobId)).toMatchObject({ completed: { attempt: 2, primaryAsset, missing: [] } });
  });
});

describe('a lease', () => {
  test('that ends › hands the job over, and the late worker is refused', async () => {
    const { claims, callbacks } = await anInstance(SHORT_LEASE_MS);
    await request();
    const late = claimed(await claims.claim(aClaim()));
    const next = claimed(await claims.claim(aClaim({ worker: 'w2' })));
    expect(next.started).toMatchObject({ jobId: late.started.jobId, attempt: 2, worker: 'w2' });
    const asset = anAsset(late.requested, 0);
    expect(await callbacks.storeAsset({ ...late.started, asset })).toMatchObject({ reason: 'stale_attempt' });
    expect(await callbacks.hear(aWord(late))).toMatchObject({ accepted: false, reason: 'stale_attempt' });
    expect(await callbacks.hear(aWord(late, { status: 'failed' }))).toMatchObject({ reason: 'stale_attempt' });
  });

  test('goes on while the worker is heard of, by whichever instance', async () => {
    const [holder, other] = [await anInstance(SHORT_LEASE_MS), await anInstance()];
    await request();
    const job = claimed(await holder.claims.claim(aClaim()));
    const progress = { percent: 10, stage: 'generating', step: 1, steps: 10 } as const;
    const word = aWord(job, { status: 'processing', progress });
    const talking = setInterval(() => void other.callbacks.hear(word), SHORT_LEASE_MS / 5);
    expect(await other.claims.claim(aClaim({ waitMs: 4 * SHORT_LEASE_MS }))).toBeUndefined();
    clearInterval(talking);
    expect(claimed(await other.claims.claim(aClaim())).started.attempt).toBe(2);
  });

  test('whose worker went away before it heard of the job › ends at once', async () => {
    const { claims } = await anInstance();
    await request();
    const { jobId, attempt } = claimed(await claims.claim(aClaim())).started;
    requestRelease(installation.bus, jobId, attempt);
    expect(claimed(await claims.claim(aClaim())).started).toMatchObject({ jobId, attempt: 2 });
  });

  test.each(['completed', 'failed'] as const)(
    'of a job that %s › ends, and the message is done with',
    async (status) => {
      const [holder, other] = [await anInstance(), await anInstance()];
      await request();
      const before = await inHand();
      const job = claimed(await holder.claims.claim(aClaim()));
      expect(await inHand()).toBe(before + 1);
      await other.callbacks.storeAsset({ ...job.started, asset: anAsset(job.requested, 0) });
      expect(await other.callbacks.hear(aWord(job, { status }))).toMatchObject({ accepted: true, job: { status } });
      await expect.poll(inHand).toBe(before);
    },
  );

  test('of a job that is cancelled › ends, and its worker hears of it', async () => {
    const { claims, callbacks } = await anInstance();
    await request();
    const before = await inHand();
    const job = claimed(await claims.claim(aClaim()));
    await store.execute(job.started.jobId, (known) => cancelJob(known, 'alice'));
    await expect.poll(inHand).toBe(before);
    const heard = await callbacks.hear(aWord(job, { status: 'processing' }));
    expect(heard).toMatchObject({ accepted: false, reason: 'already_ended', job: { status: 'cancelled' } });
  });

  test('of an instance that is gone › its worker’s word counts all the same', async () => {
    const gone = await anInstance();
    await request();
    const job = claimed(await gone.claims.claim(aClaim()));
    gone.stopping.abort();
    const { callbacks } = await anInstance();
    await callbacks.storeAsset({ ...job.started, asset: anAsset(job.requested, 0) });
    expect(await callbacks.hear(aWord(job))).toMatchObject({ accepted: true, job: { status: 'completed' } });
  });
});

describe('a word', () => {
  test('about a job that nobody asked for, or nobody claimed › does not count', async () => {
    const { callbacks } = await anInstance();
    const { jobId } = await request();
    const word = { status: 'failed', assets: [], publicUrl: '' } as const;
    expect(await callbacks.hear({ ...word, jobId: aRequest().jobId })).toMatchObject({ reason: 'unknown_job' });
    expect(await callbacks.hear({ ...word, jobId: 'x.>' })).toMatchObject({ reason: 'unknown_job' });
    expect(await callbacks.hear({ ...word, jobId })).toMatchObject({ reason: 'not_claimed' });
    await start(store, jobId);
    expect(await callbacks.hear({ ...word, jobId })).toMatchObject({ reason: 'not_claimed' });
    expect((await store.load(jobId))?.status).toBe('processing');
  });

  test('of completion without assets › fails the job; with a name that was never sent › is refused', async () => {
    const { claims, callbacks } = await anInstance();
    await request();
    const job = claimed(await claims.claim(aClaim()));
    expect(await callbacks.hear(aWord(job))).toMatchObject({ reason: 'unknown_asset' });
    const failed = { status: 'failed', failed: { code: 'completed_without_assets', attempt: 1 } };
    const word = aWord(job, { assets: [] });
    expect(await callbacks.hear(word)).toMatchObject({ accepted: true, job: failed });
    expect(await callbacks.hear(word)).toMatchObject({ accepted: true, job: failed });
    expect(await callbacks.hear(aWord(job))).toMatchObject({ accepted: false, reason: 'already_ended' });
  });

  test('that is said twice › counts once', async () => {
    const { claims, callbacks } = await anInstance();
    await request({ seeds: [1, 2] });
    const job = claimed(await claims.claim(aClaim()));
    const asset = anAsset(job.requested, 1);
    for (let time = 0; time < 2; time++) {
      expect(await callbacks.storeAsset({ ...job.started, asset })).toMatchObject({ accepted: true });
    }
    for (let time = 0; time < 2; time++) {
      const missing = [{ index: 0, reason: 'the worker did not send it' }];
      const completed = { status: 'completed', completed: { missing } };
      expect(await callbacks.hear(aWord(job, { assets: [asset.key] }))).toMatchObject({ job: completed });
    }
    expect(await callbacks.hear(aWord(job, { status: 'failed' }))).toMatchObject({ reason: 'already_ended' });
    expect((await store.history(job.started.jobId)).map(({ type }) => type)).toEqual([
      ...['JobRequested', 'JobStarted', 'AssetStored', 'JobCompleted'],
    ]);
  });

  test('of failure › has the worker’s own message', async () => {
    const { claims, callbacks } = await anInstance();
    await request();
    const job = claimed(await claims.claim(aClaim()));
    await callbacks.hear(aWord(job, { status: 'failed', errorMessage: 'CUDA out of memory' }));
    const failed = { code: 'engine_failed', message: 'CUDA out of memory', retryable: true };
    expect(await store.load(job.started.jobId)).toMatchObject({ failed });
  });

  test('with an enhanced prompt › keeps it, but for a type whose event would start its work anew', async () => {
    const { claims, callbacks } = await anInstance();
    const wan = aClaim({ queues: ['wan_queue'] });
    const enhancedPrompt = 'a finer lighthouse';
    await request({ jobType: 'image_high', seeds: [1] });
    const plain = claimed(await claims.claim(wan));
    for (const status of ['processing', 'failed'] as const) {
      await callbacks.hear(aWord(plain, { status, enhancedPrompt }));
    }
    expect(await store.load(plain.started.jobId)).toMatchObject({ enhanced: { enhanced: { text: enhancedPrompt } } });
    const { jobId } = await request({ jobType: 'video7b_fast_enhanced', seeds: [1] });
    await store.execute(jobId, (job) => enhancePrompt(job, { skipped: 'timeout', model: 'qwen', durationMs: 1 }));
    const enhanced = claimed(await claims.claim(wan));
    await callbacks.hear(aWord(enhanced, { status: 'processing', enhancedPrompt }));
    expect((await store.load(jobId))?.enhanced?.enhanced).toBeUndefined();
  });
});
