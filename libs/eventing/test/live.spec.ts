import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cancelJob, startJob, storeAsset } from '#contracts/domain/job-decisions.js';
import { newJobId } from '#contracts/ids.js';
import { JOB_STREAM, workConsumer } from '#contracts/streams.js';
import { cancelSubject, progressSubject, workerSubject } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import {
  onCancel,
  publishLivePreview,
  publishProgress,
  requestCancel,
  watchJob,
  watchLivePreviews,
  watchProgress,
} from '#eventing/live.js';
import { LogReader } from '#eventing/log-reader.js';
import { Puller } from '#eventing/puller.js';
import { readQueueDepth, readStreamUsage } from '#eventing/queue-depth.js';
import { announceWorker, WorkerRoster } from '#eventing/workers.js';
import { aLog, anInstallation, type Installation } from './a-bus.js';
import { anAsset, aRequest, ENGINE } from './a-job.js';

let installation: Installation;
let bus: Bus;
let store: JobStore;

beforeAll(async () => {
  installation = await anInstallation();
  bus = installation.bus;
  store = new JobStore(bus);
});
afterAll(() => installation?.close());

const start = (job: Parameters<typeof startJob>[0]) => startJob(job, { worker: 'w1', engine: ENGINE });

describe('watching a job', () => {
  it('shows every event in order, and those of no other job', async () => {
    const [request, other] = [aRequest(), aRequest()];
    const watcher = await installation.connect('gateway');
    const seen: [string, number][] = [];
    const live = watchJob(watcher, request.jobId, (event) => void seen.push([event.type, event.sequence]));
    await live.subscribed;
    for (const { jobId } of [request, other]) {
      await store.request(jobId === request.jobId ? request : other);
      await store.execute(jobId, start);
      await store.execute(jobId, (job) => storeAsset(job, 1, anAsset(jobId, 0)));
      await store.deleteAsset(jobId, 0, 'alice');
      await store.execute(jobId, (job) => cancelJob(job, 'alice'));
    }
    const stored = (await store.history(request.jobId)).map((event) => [event.type, event.sequence]);
    await vi.waitFor(() => expect(seen).toEqual(stored));
    expect(seen.map(([type]) => type)).toEqual([
      'JobRequested',
      'JobStarted',
      'AssetStored',
      'AssetDeleted',
      'JobCancelled',
    ]);
    live.close();
    live.close();
  });

  it('goes on after the server was restarted', async () => {
    const own = await anInstallation();
    const request = aRequest();
    const seen: string[] = [];
    const live = watchJob(own.bus, request.jobId, (event) => void seen.push(event.type));
    await own.nats.server.kill();
    await own.nats.server.restart();
    await live.subscribed;
    await new JobStore(own.bus).request(request);
    await vi.waitFor(() => expect(seen).toEqual(['JobRequested']));
    await own.close();
  });

  it('survives a listener that throws', async () => {
    const { log, lines } = aLog();
    const watcher = await installation.connect('gateway', { log });
    const request = aRequest();
    const live = watchJob(watcher, request.jobId, () => {
      throw new Error('response already sent');
    });
    await live.subscribed;
    await store.request(request);
    await vi.waitFor(() => expect(lines.map((line) => line.err?.message)).toEqual(['response already sent']));
    expect(watcher.isConnected()).toBe(true);
  });
});

describe('what is not stored', () => {
  it('progress, previews and cancellation reach those who listen; nonsense is logged and skipped', async () => {
    const { log, lines } = aLog();
    const gateway = await installation.connect('gateway', { log });
    const jobId = newJobId();
    const heard: unknown[] = [];
    const stops = [
      watchProgress(gateway, jobId, (progress) => heard.push(progress.percent)),
      onCancel(gateway, jobId, () => heard.push('cancel')),
      watchLivePreviews(gateway, jobId, ({ data }) => heard.push(data)),
    ];
    const roster = new WorkerRoster(gateway);
    await gateway.flushed();
    for (const subject of [progressSubject(jobId), workerSubject('sdxl', 'w1')]) bus.nc.publish(subject, 'nonsense');
    publishProgress(bus, { jobId, attempt: 1, percent: 50, stage: 'generating', step: 1, steps: 2 });
    requestCancel(bus, jobId);
    const picture = { index: 0, mediaType: 'image/webp', width: 1, height: 1, data: 'MA==' } as const;
    publishLivePreview(bus, { jobId, attempt: 1, ...picture });
    const presence = { worker: 'w1', engine: 'sdxl', startedAt: '' } as const;
    announceWorker(bus, { ...presence, state: 'idle' });
    await vi.waitFor(() => expect(roster.count('sdxl')).toBe(1));
    announceWorker(bus, { ...presence, state: 'leaving' });
    await vi.waitFor(() => expect(roster.count('sdxl')).toBe(0));
    expect(heard).toEqual([50, 'cancel', 'MA==']);
    expect(lines.map((line) => line.msg)).toEqual(Array(2).fill('a message could not be handled'));
    for (const stop of stops) stop();
    roster.close();
    bus.nc.publish(cancelSubject(jobId));
    await Promise.all([bus.flushed(), gateway.flushed()]);
    expect(heard).toHaveLength(3);
  });
});

describe('the log', () => {
  it('is read by sequence in batches, whole and in order', async () => {
    const reader = new LogReader(bus, JOB_STREAM.name);
    await Promise.all(Array.from({ length: 250 }, () => store.request(aRequest())));
    const { firstSequence, lastSequence, bytes, maxBytes } = await reader.position();
    const sequences: number[] = [];
    for (let next = firstSequence; ; ) {
      const batch = await reader.read(next, 100);
      if (batch.length === 0) break;
      sequences.push(...batch.map((event) => event.sequence));
      next = (batch.at(-1)?.sequence ?? 0) + 1;
    }
    expect(sequences).toEqual(Array.from({ length: lastSequence - firstSequence + 1 }, (_, n) => firstSequence + n));
    expect(bytes).toBeLessThan(maxBytes);
    expect(await readStreamUsage(bus, JOB_STREAM)).toBeCloseTo(bytes / maxBytes);
  });

  it('gives single messages whole, and none where there is none', async () => {
    const reader = new LogReader(bus, JOB_STREAM.name);
    const request = aRequest();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const stored = await store.request(request, traceparent);
    const { lastSequence } = await reader.position();
    const [read] = await reader.read(lastSequence, 10);
    expect(await reader.messageAt(lastSequence)).toEqual(read);
    expect(read).toMatchObject({
      sequence: stored.job?.sequence,
      id: stored.outcome === 'appended' ? stored.event.id : '',
      subject: `ourvidz.job.sdxl.interactive.requested.${request.jobId}`,
      cloudEventType: 'com.ourvidz.job.requested.v1',
      subjectId: request.jobId,
      source: '/ourvidz/jobs',
      traceparent,
      data: request,
    });
    expect(await reader.messageAt(lastSequence + 1)).toBeUndefined();
    expect(await reader.messageAt(0)).toBeUndefined();
    expect(await reader.read(lastSequence + 1, 10)).toEqual([]);
  });

  it('rings when something is appended', async () => {
    let rings = 0;
    const stop = new LogReader(bus, JOB_STREAM.name).onAppend(() => {
      rings++;
    });
    await bus.flushed();
    await store.request(aRequest());
    await vi.waitFor(() => expect(rings).toBe(1));
    stop();
  });

  it('when its beginning has expired › begins where the stream does', async () => {
    const own = await anInstallation();
    const name = 'EXPIRING';
    await own.bus.jsm.streams.add({ name, subjects: ['expiring'], max_msgs: 3, allow_direct: true });
    for (let n = 0; n < 10; n++) await own.bus.nc.request('expiring', '{}');
    const reader = new LogReader(own.bus, name);
    expect(await reader.position()).toMatchObject({ firstSequence: 8, lastSequence: 10 });
    expect((await reader.read(1, 100)).map((event) => event.sequence)).toEqual([8, 9, 10]);
    expect(await reader.messageAt(7)).toBeUndefined();
    await own.close();
  });
});

describe('the depth of a queue', () => {
  it('counts what waits and what is in hand', async () => {
    const own = await anInstallation();
    const requests = [{}, { lane: 'bulk' }, { jobType: 'video_fast' }, { jobType: 'video7b_fast_enhanced' }] as const;
    for (const over of requests) await new JobStore(own.bus).request(aRequest(over));
    const puller = new Puller(own.bus, workConsumer('sdxl', 'interactive'));
    const delivery = await puller.next();
    expect(await readQueueDepth(own.bus, 'sdxl_queue')).toEqual({ waiting: 1, interactive: 0, processing: 1 });
    expect(await readQueueDepth(own.bus, 'wan_queue')).toEqual({ waiting: 2, interactive: 2, processing: 0 });
    delivery?.answer({ kind: 'done' });
    await vi.waitFor(async () => expect((await readQueueDepth(own.bus, 'sdxl_queue')).processing).toBe(0));
    puller.close();
    await own.close();
  });
});
