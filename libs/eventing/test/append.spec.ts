import { headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cancelJob, startJob, storeAsset } from '#contracts/domain/job-decisions.js';
import { newJobId } from '#contracts/ids.js';
import { JOB_STREAM } from '#contracts/streams.js';
import { jobFilter, jobSubject } from '#contracts/subjects.js';
import { append } from '#eventing/append.js';
import type { Bus } from '#eventing/bus.js';
import { seal } from '#eventing/envelope.js';
import { AppendRejectedError, EventingUnavailableError } from '#eventing/errors.js';
import { JobStore } from '#eventing/job-store.js';
import { LogReader } from '#eventing/log-reader.js';
import { aLog, anInstallation, freeze, type Installation } from './a-bus.js';
import { anAsset, aRequest, ENGINE } from './a-job.js';
import { aProxy } from './a-proxy.js';

let installation: Installation;
let bus: Bus;
let store: JobStore;

beforeAll(async () => {
  installation = await anInstallation({ maxPayload: 64 * 1024 });
  bus = installation.bus;
  store = new JobStore(bus);
});
afterAll(() => installation?.close());

const start = (job: Parameters<typeof startJob>[0]) => startJob(job, { worker: 'w1', engine: ENGINE });

describe('when the outcome of an append is unknown', () => {
  it('because the server froze › it is stored once, as one’s own', async () => {
    const requests = Array.from({ length: 20 }, () => aRequest());
    const { log, lines } = aLog();
    const freezing = new JobStore(await installation.connect('jobs', { log }));
    await freezing.load(newJobId());
    await freeze(installation);
    const stored = requests.map((request) => freezing.request(request));
    // The first try is given up while the server is frozen; the server then finds both.
    const givenUp = () => lines.filter((line) => line.msg === 'append without an answer').length;
    await vi
      .waitFor(() => expect(givenUp()).toBe(requests.length), 5_000)
      .finally(() => installation.nats.server.resume());
    const results = await Promise.all(stored);
    expect(results.map((result) => result.outcome)).toEqual(requests.map(() => 'appended'));
    for (const request of requests) expect(await store.history(request.jobId)).toHaveLength(1);
  });

  it('because the answer was lost › the resent append finds its own event', async () => {
    const proxy = await aProxy(installation.nats.server.port);
    const behind = await installation.connect('jobs', { url: proxy.url });
    const remote = new JobStore(behind);
    const request = aRequest();
    await remote.request(request);
    const reader = new LogReader(bus, JOB_STREAM.name);
    const { lastSequence: before } = await reader.position();
    proxy.deafenAfter('ourvidz.job');
    const started = remote.execute(request.jobId, start, { known: await store.load(request.jobId) });
    await vi.waitFor(async () => expect((await reader.position()).lastSequence).toBe(before + 1));
    proxy.cut();
    expect(await started).toMatchObject({
      outcome: 'appended',
      job: { status: 'processing', started: { attempt: 1 } },
    });
    expect((await reader.position()).lastSequence).toBe(before + 1);
    proxy.close();
  });

  it('because the answer to a deletion was lost › it counts as one’s own', async () => {
    const proxy = await aProxy(installation.nats.server.port);
    const remote = new JobStore(await installation.connect('jobs', { url: proxy.url }));
    const { jobId } = await aJobWithAsset();
    await remote.load(jobId);
    const reader = new LogReader(bus, JOB_STREAM.name);
    const { lastSequence: before } = await reader.position();
    proxy.deafenAfter('ourvidz.asset.deleted');
    const deleted = remote.deleteAsset(jobId, 0, 'alice');
    await vi.waitFor(async () => expect((await reader.position()).lastSequence).toBe(before + 1));
    proxy.cut();
    expect(await deleted).toMatchObject({ outcome: 'appended', job: { deletedIndexes: [0] } });
    proxy.close();
  });
});

describe('an append that cannot work', () => {
  it('too large › is rejected at once', async () => {
    const prompt = { text: 'x'.repeat(70_000) };
    await expect(store.request(aRequest({ prompt }))).rejects.toBeInstanceOf(AppendRejectedError);
  });

  it('on a closed connection › is unavailable at once', async () => {
    const other = await installation.connect();
    await other.close();
    await expect(new JobStore(other).request(aRequest())).rejects.toBeInstanceOf(EventingUnavailableError);
    await expect(new JobStore(other).load(newJobId())).rejects.toBeInstanceOf(EventingUnavailableError);
  });

  it('the guard’s own words tell how far to read', async () => {
    const request = aRequest();
    const first = await store.request(request);
    const subject = jobSubject('sdxl', 'interactive', 'cancelled', request.jobId);
    const event = { type: 'JobCancelled', data: { jobId: request.jobId, cancelledBy: 'alice' } } as const;
    const sealed = seal(event, { source: 'test', subjectId: request.jobId });
    const outcome = await append(bus, subject, sealed, { filter: jobFilter(request.jobId), sequence: 0 });
    expect(outcome).toEqual({ kind: 'conflict', atLeast: first.job?.sequence });
  });
});

describe('a job that this version does not know all of', () => {
  it('with an event of a newer version › can still be changed', async () => {
    const request = aRequest();
    await store.request(request);
    const newer = headers();
    newer.set('ce-type', 'com.ourvidz.job.paused.v1');
    await bus.nc.request(`ourvidz.job.sdxl.interactive.paused.${request.jobId}`, '{}', {
      headers: newer,
      timeout: 2_000,
    });
    const result = await store.execute(request.jobId, (job) => cancelJob(job, 'alice'));
    expect(result).toMatchObject({ outcome: 'appended', job: { status: 'cancelled' } });
  });

  it('whose request has expired › can be requested anew under its id', async () => {
    const request = aRequest();
    const started = {
      type: 'JobStarted',
      data: { jobId: request.jobId, attempt: 1, worker: 'w', engine: ENGINE },
    } as const;
    const subject = jobSubject('sdxl', 'interactive', 'started', request.jobId);
    const sealed = seal(started, { source: 'test', subjectId: request.jobId });
    await append(bus, subject, sealed, { filter: jobFilter(request.jobId), sequence: 0 });
    expect(await store.load(request.jobId)).toBeUndefined();
    expect(await store.request(request)).toMatchObject({ outcome: 'appended', job: { status: 'queued' } });
    expect(await store.load(request.jobId)).toMatchObject({ status: 'queued' });
  });

  it('as the caller remembers it › a refusal is checked against the stream', async () => {
    const { jobId, requested } = await aJobWithAsset();
    const result = await store.execute(jobId, (job) => storeAsset(job, 1, anAsset(jobId, 1)), { known: requested });
    expect(result).toMatchObject({ outcome: 'appended', job: { assets: [{ index: 0 }, { index: 1 }] } });
  });
});

describe('many reads', () => {
  it('leave no subscription behind', async () => {
    const { jobId } = await aJobWithAsset();
    await store.load(jobId);
    const before = subscriptions(bus);
    for (let round = 0; round < 100; round++)
      await Promise.all(Array.from({ length: 50 }, (_, i) => store.load(i % 10 ? jobId : newJobId())));
    expect(subscriptions(bus)).toBe(before);
  });
});

async function aJobWithAsset() {
  const request = aRequest();
  const { job: requested } = await store.request(request);
  await store.execute(request.jobId, start);
  await store.execute(request.jobId, (job) => storeAsset(job, 1, anAsset(request.jobId, 0)));
  return { jobId: request.jobId, requested };
}

/** The client's own books. */
function subscriptions({ nc }: Bus): number {
  return (nc as unknown as { protocol: { subscriptions: { size(): number } } }).protocol.subscriptions.size();
}
