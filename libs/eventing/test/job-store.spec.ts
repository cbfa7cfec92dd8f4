import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelJob, completeJob, failJob, startJob, storeAsset } from '#contracts/domain/job-decisions.js';
import { newJobId } from '#contracts/ids.js';
import { JOB_STREAM } from '#contracts/streams.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { StreamFullError } from '#eventing/errors.js';
import { JobStore, onTopOf } from '#eventing/job-store.js';
import { LogReader } from '#eventing/log-reader.js';
import { createTopology } from '#eventing/topology.js';
import { createLog } from '#service-kit/log.js';
import { type OwnTestNats, testNats } from '../../../test/support/servers.js';
import { anAsset, aRequest, ENGINE, SIZE } from './a-job.js';

const log = createLog('test', 'silent');
let nats: OwnTestNats;
let bus: Bus;
let store: JobStore;

beforeAll(async () => {
  nats = await testNats({});
  bus = await connectBus({ url: nats.url, service: 'jobs', log });
  await createTopology(bus, SIZE);
  store = new JobStore(bus);
});

afterAll(async () => {
  await bus?.close();
  await nats?.close();
});

const start = (worker: string) => (job: Parameters<typeof startJob>[0]) => startJob(job, { worker, engine: ENGINE });

describe('a job that was requested', () => {
  it('can be read at once, also by another process', async () => {
    const request = aRequest();
    const result = await store.request(request);
    expect(result.outcome).toBe('appended');
    const job = await new JobStore(bus).load(request.jobId);
    expect(job).toMatchObject({ status: 'queued', requested: request });
  });

  it('is found by a second request under the same id and stored once', async () => {
    const request = aRequest();
    await store.request(request);
    const second = await store.request({ ...request, prompt: { text: 'another' } });
    expect(second).toMatchObject({ outcome: 'refused', reason: 'already_exists' });
    expect(second.job?.requested.prompt.text).toBe('a lighthouse at dawn');
    expect(await store.history(request.jobId)).toHaveLength(1);
  });

  it('is unknown under any other id', async () => {
    expect(await store.load(newJobId())).toBeUndefined();
  });
});

describe('every event of a job', () => {
  it('is read in order, those of its assets and of earlier attempts too, and nothing of other jobs', async () => {
    const request = aRequest();
    const other = aRequest();
    await store.request(request);
    await store.request(other);
    await store.execute(request.jobId, start('w1'));
    await store.execute(request.jobId, start('w2'));
    for (const index of [0, 1, 2])
      await store.execute(request.jobId, (job) => storeAsset(job, 2, anAsset(request.jobId, index)));
    await store.deleteAsset(request.jobId, 1, 'alice');
    const events = await store.everyEvent(request.jobId);
    const stored = ['AssetStored', 'AssetStored', 'AssetStored'];
    expect(events.map(({ type }) => type)).toEqual([
      'JobRequested',
      'JobStarted',
      'JobStarted',
      ...stored,
      'AssetDeleted',
    ]);
    expect(await store.everyEvent(other.jobId)).toHaveLength(1);
    expect(await store.everyEvent(newJobId())).toEqual([]);
  });

  it('is read also of a job that has more than one answer holds', async () => {
    const request = aRequest();
    await store.request(request);
    for (let attempt = 1; attempt <= 100; attempt++) await store.execute(request.jobId, start(`w${attempt}`));
    const events = await store.everyEvent(request.jobId);
    expect(events).toHaveLength(101);
    expect(events.map(({ sequence }) => sequence)).toEqual(
      events.map(({ sequence }) => sequence).sort((a, b) => a - b),
    );
  });
});

describe('a running job', () => {
  it('takes assets one by one and completes with all of them', async () => {
    const request = aRequest();
    await store.request(request);
    await store.execute(request.jobId, start('w1'));
    for (const index of [0, 1])
      await store.execute(request.jobId, (job) => storeAsset(job, 1, anAsset(request.jobId, index)));
    const timings = { waitedMs: 1, generatedMs: 2, storedMs: 3 };
    const urlOf = (key: string) => `http://localhost/assets/${key}`;
    const completion = { attempt: 1, timings, engine: ENGINE, missing: [], urlOf };
    const result = await store.execute(request.jobId, (job) => completeJob(job, completion));
    expect(result.job).toMatchObject({ status: 'completed', completed: { assets: [{ index: 0 }, { index: 1 }] } });
    expect(await store.load(request.jobId)).toEqual(result.job);
  });

  it('refuses the outcome of an attempt that another one has fenced off', async () => {
    const request = aRequest();
    await store.request(request);
    const first = await store.execute(request.jobId, start('w1'));
    await store.execute(request.jobId, start('w2'));
    const late = await store.execute(request.jobId, (job) => storeAsset(job, 1, anAsset(request.jobId, 0)), {
      known: first.job,
    });
    expect(late).toMatchObject({ outcome: 'refused', reason: 'stale_attempt' });
  });

  it('ends exactly once however many ends race', async () => {
    const request = aRequest();
    await store.request(request);
    await store.execute(request.jobId, start('w1'));
    const failure = { code: 'generation_timeout', message: 'too long', retryable: true };
    const racers = Array.from({ length: 12 }, (_, index) =>
      store.execute(request.jobId, (job) => (index % 2 ? failJob(job, failure) : cancelJob(job, 'alice'))),
    );
    const outcomes = await Promise.all(racers);
    expect(outcomes.filter((result) => result.outcome === 'appended')).toHaveLength(1);
    const ends = (await store.history(request.jobId)).filter((event) => /JobFailed|JobCancelled/.test(event.type));
    expect(ends).toHaveLength(1);
  });
});

describe('an asset', () => {
  it('is deleted once', async () => {
    const request = aRequest();
    await store.request(request);
    await store.execute(request.jobId, start('w1'));
    await store.execute(request.jobId, (job) => storeAsset(job, 1, anAsset(request.jobId, 0)));
    const [one, two] = await Promise.all([0, 1].map(() => store.deleteAsset(request.jobId, 0, 'alice')));
    expect([one?.outcome, two?.outcome].sort()).toEqual(['appended', 'refused']);
    expect((await store.load(request.jobId))?.deletedIndexes).toEqual([0]);
  });
});

describe('what a user likes', () => {
  const liked = { index: 0, favorite: true, favoritedBy: 'alice' };

  it('is stored once however many say it at once, and again after it was taken back', async () => {
    const { jobId } = await oneAsset();
    const marks = await Promise.all(Array.from({ length: 8 }, () => store.favoriteAsset(jobId, liked)));
    expect(marks.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1);
    expect(marks.map(({ job }) => job?.favoriteIndexes)).toEqual(marks.map(() => [0]));
    for (const favorite of [false, true]) {
      await store.favoriteAsset(jobId, { ...liked, favorite });
      expect((await store.load(jobId))?.favoriteIndexes).toEqual(favorite ? [0] : undefined);
    }
  });

  it('belongs to no asset that is not there', async () => {
    const { jobId } = await oneAsset();
    const [other, gone] = [
      await store.favoriteAsset(jobId, { ...liked, index: 1 }),
      await store.favoriteAsset(newJobId(), liked),
    ];
    expect([other, gone]).toMatchObject([{ reason: 'unknown_asset' }, { reason: 'unknown_job' }]);
  });

  it('is known of a job that the stream has let go, and so is a deletion', async () => {
    const job = await store.load((await oneAsset()).jobId);
    const jobId = newJobId();
    const older = job && { ...job, requested: { ...job.requested, jobId } };
    expect(await store.favoriteAsset(jobId, liked, { older })).toMatchObject({ job: { favoriteIndexes: [0] } });
    expect(await store.favoriteAsset(jobId, liked, { older })).toMatchObject({ reason: 'unchanged' });
    expect(await store.deleteAsset(jobId, 0, 'alice', { older })).toMatchObject({ job: { deletedIndexes: [0] } });
    expect(await store.deleteAsset(jobId, 0, 'alice', { older })).toMatchObject({ reason: 'unknown_asset' });
    expect(await store.load(jobId)).toBeUndefined();
    expect(onTopOf(older, await store.history(jobId))).toMatchObject({ deletedIndexes: [0], favoriteIndexes: [0] });
  });

  async function oneAsset() {
    const request = aRequest();
    await store.request(request);
    await store.execute(request.jobId, start('w1'));
    await store.execute(request.jobId, (job) => storeAsset(job, 1, anAsset(request.jobId, 0)));
    return request;
  }
});

describe('when NATS is restarted while jobs are requested', () => {
  it('stores every one of them exactly once', async () => {
    const requests = Array.from({ length: 40 }, () => aRequest());
    const before = (await new LogReader(bus, JOB_STREAM.name).position()).lastSequence;
    const stored = requests.map((request) => store.request(request));
    await nats.server.kill('SIGKILL');
    await nats.server.restart();
    const results = await Promise.all(stored);
    expect(results.every((result) => result.outcome === 'appended')).toBe(true);
    const events = await new LogReader(bus, JOB_STREAM.name).read(before + 1, 100);
    expect(new Set(events.map((event) => event.subjectId)).size).toBe(events.length);
    expect(events.length).toBe(40);
  });
});

describe('a full stream', () => {
  it('is told apart from an unavailable one', async () => {
    const small = await testNats({});
    const other = await connectBus({ url: small.url, service: 'jobs', log });
    await createTopology(other, { ...SIZE, jobStreamMaxBytes: 64 * 1024 });
    const full = new JobStore(other);
    const prompt = { text: 'x'.repeat(9_000) };
    const fill = async () => {
      for (let i = 0; i < 20; i++) await full.request(aRequest({ prompt }));
    };
    await expect(fill()).rejects.toBeInstanceOf(StreamFullError);
    await other.close();
    await small.close();
  });
});
