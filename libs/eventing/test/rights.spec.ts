import { createUser } from '@nats-io/nkeys';
import { headers, type Msg } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Job } from '#contracts/domain/job.js';
import {
  cancelJob,
  completeJob,
  type Decision,
  enhancePrompt,
  failJob,
  startJob,
  storeAsset,
} from '#contracts/domain/job-decisions.js';
import { claimJob, enhanceOutside } from '#contracts/domain/outside-work.js';
import { newJobId } from '#contracts/ids.js';
import type { RequestCounts } from '#contracts/request-counts.js';
import { inboxPrefix, RIGHTS, SERVICE_NAMES, type ServiceName } from '#contracts/rights.js';
import {
  ACCOUNT_STREAM,
  CONSUMERS,
  DEAD_LETTER_STREAM,
  type EngineName,
  JOB_STREAM,
  workConsumer,
} from '#contracts/streams.js';
import {
  accountSubject,
  LANES,
  livePreviewSubject,
  projectSubject,
  releaseSubject,
  seedSubject,
  webhookSubject,
} from '#contracts/subjects.js';
import { runAssetReaper } from '#eventing/asset-reaper.js';
import { recordRefusal } from '#eventing/audit.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { readDeadLetters, runDeadLetters } from '#eventing/dead-letters.js';
import { AccessRefusedError, AppendRejectedError } from '#eventing/errors.js';
import { done, type Handled, reject } from '#eventing/handled.js';
import { JobStore } from '#eventing/job-store.js';
import {
  onCancel,
  onRelease,
  publishLivePreview,
  publishProgress,
  requestCancel,
  requestRelease,
  watchJob,
  watchLivePreviews,
  watchProgress,
} from '#eventing/live.js';
import { LogReader } from '#eventing/log-reader.js';
import { readQueueDepth, readStreamUsage } from '#eventing/queue-depth.js';
import { onRequestCounts, tellRequestCounts } from '#eventing/request-counts.js';
import { ask } from '#eventing/request-reply.js';
import { awaitTopology, createTopology } from '#eventing/topology.js';
import { laneTurns, runWorkSlot, takeWork } from '#eventing/work-queue.js';
import { announceWorker, WorkerRoster } from '#eventing/workers.js';
import { natsAuthorization } from '#launcher/nats-authorization.js';
import { type OwnTestNats, testNats } from '../../../test/support/servers.js';
import { aLog } from './a-bus.js';
import { anAsset, aRequest, ENGINE, SIZE } from './a-job.js';

const ENGINE_OF: Partial<Record<ServiceName, EngineName>> = {
  'sdxl-worker': 'sdxl',
  'wan-worker': 'wan',
  enhancer: 'enhancer',
};
const WORKERS = ['sdxl-worker', 'wan-worker', 'enhancer'] as const;

let nats: OwnTestNats;
let buses: Record<ServiceName, Bus>;
const refusals: string[] = [];

beforeAll(async () => {
  const keys = SERVICE_NAMES.map((name) => [name, createUser()] as const);
  const publicKeys = Object.fromEntries(keys.map(([name, key]) => [name, key.getPublicKey()]));
  nats = await testNats({ authorization: natsAuthorization(RIGHTS, publicKeys as Record<ServiceName, string>) });
  const { log, lines } = aLog();
  // What the server refuses is in the log of whoever tried.
  const kept = lines.push.bind(lines);
  lines.push = (line) => {
    if (line.msg === 'NATS refused something') refusals.push(line.err?.message ?? '');
    return kept(line);
  };
  const decoder = new TextDecoder();
  const connected = await Promise.all(
    keys.map(async ([service, key]) => {
      const credentials = decoder.decode(key.getSeed());
      return [service, await connectBus({ url: nats.url, credentials, service, log })] as const;
    }),
  );
  buses = Object.fromEntries(connected) as Record<ServiceName, Bus>;
});
afterEach(() => void refusals.splice(0));
afterAll(async () => {
  await Promise.all(Object.values(buses ?? {}).map((bus) => bus.close()));
  await nats?.close();
});

describe('with its rights alone', () => {
  it('jobs creates the streams, and all others find what they need', async () => {
    await createTopology(buses.jobs, SIZE);
    await createTopology(buses.jobs, SIZE);
    await awaitTopology(
      buses.gateway,
      CONSUMERS.filter(({ stream }) => stream === JOB_STREAM.name),
    );
    for (const worker of WORKERS) {
      const engine = ENGINE_OF[worker] ?? 'sdxl';
      await awaitTopology(
        buses[worker],
        LANES.map((lane) => workConsumer(engine, lane)),
      );
    }
    expect(refusals).toEqual([]);
  });

  it('a job goes its whole way, watched by the gateway', async () => {
    const request = aRequest({ jobType: 'video7b_fast_enhanced' });
    const { jobId } = request;
    const store = storesOf();
    const seen: string[] = [];
    const live = watchJob(buses.gateway, jobId, (event) => void seen.push(event.type));
    const stopProgress = watchProgress(buses.gateway, jobId, ({ percent }) => void seen.push(`${percent}%`));
    const stopPreviews = watchLivePreviews(buses.gateway, jobId, ({ data }) => void seen.push(data));
    await live.subscribed;
    await store.gateway.request(request);
    const enhanced = (job: Job | undefined): Decision =>
      enhancePrompt(job, { model: 'm', durationMs: 1, skipped: 'given_up' });
    await oneJob('enhancer', async (id) => void (await store.enhancer.execute(id, enhanced)));
    await oneJob('wan-worker', async (id) => {
      await store['wan-worker'].execute(id, start);
      publishProgress(buses['wan-worker'], { jobId, attempt: 1, percent: 50, stage: 'generating', step: 1, steps: 2 });
      const picture = { index: 0, mediaType: 'image/webp', width: 1, height: 1, data: 'MA==' } as const;
      publishLivePreview(buses['wan-worker'], { jobId, attempt: 1, ...picture });
      await store['wan-worker'].execute(id, (job) => storeAsset(job, 1, anAsset(id, 0)));
      await store['wan-worker'].execute(id, complete);
    });
    expect(await store.gateway.load(jobId)).toMatchObject({ status: 'completed' });
    expect((await store.gateway.deleteAsset(jobId, 0, 'alice')).outcome).toBe('appended');
    const whole = [
      'JobRequested',
      'PromptEnhanced',
      'JobStarted',
      '50%',
      'MA==',
      'AssetStored',
      'JobCompleted',
      'AssetDeleted',
    ];
    await vi.waitFor(() => expect([...seen].sort()).toEqual([...whole].sort()));
    live.close();
    stopProgress();
    stopPreviews();
    await reaped();
    expect(refusals).toEqual([]);
  });

  it('sdxl-worker makes, fails and hears of cancelling; presence is seen', async () => {
    const store = storesOf();
    const [made, failed, cancelled] = [aRequest(), aRequest({ lane: 'bulk' }), aRequest()];
    for (const request of [made, failed, cancelled]) await store.gateway.request(request);
    const roster = new WorkerRoster(buses.gateway);
    await buses.gateway.flushed();
    announceWorker(buses['sdxl-worker'], { worker: 'w1', engine: 'sdxl', state: 'idle', startedAt: '' });
    const heard = new Promise<void>((resolve) => void onCancel(buses['sdxl-worker'], cancelled.jobId, resolve));
    await buses['sdxl-worker'].flushed();
    await store.gateway.execute(cancelled.jobId, (job) => cancelJob(job, 'alice'));
    requestCancel(buses.gateway, cancelled.jobId);
    await heard;
    await store['sdxl-worker'].execute(made.jobId, start);
    await store['sdxl-worker'].execute(failed.jobId, start);
    const failure = { code: 'engine_failed', message: 'no', retryable: true };
    expect((await store['sdxl-worker'].execute(failed.jobId, (job) => failJob(job, failure))).outcome).toBe('appended');
    await vi.waitFor(() => expect(roster.count('sdxl')).toBe(1));
    roster.close();
    expect(refusals).toEqual([]);
  });

  it('jobs reads all streams, answers queries, and fails jobs from dead letters', async () => {
    const store = storesOf();
    const request = aRequest();
    await store.gateway.request(request);
    await oneJob(
      'sdxl-worker',
      async () => undefined,
      request.jobId,
      () => reject('broken'),
    );
    const stop = new AbortController();
    const failure = { code: 'rejected', message: 'no', retryable: false };
    await runDeadLetters(
      buses.jobs,
      async ({ jobId = '' }) => {
        if (jobId === request.jobId) stop.abort();
        await store.jobs.execute(jobId, (job) => failJob(job, failure));
        return done();
      },
      stop.signal,
    );
    expect(await store.jobs.load(request.jobId)).toMatchObject({ status: 'failed' });
    expect((await readDeadLetters(buses.jobs, 10)).letters).toMatchObject([
      { jobId: request.jobId, reason: 'terminated', detail: 'broken', deliveries: 1 },
    ]);
    const unenhanced = aRequest({ jobType: 'video7b_fast_enhanced' });
    await store.gateway.request(unenhanced);
    const skip = (current: Job | undefined) =>
      enhancePrompt(current, { skipped: 'given_up', model: 'none', durationMs: 0 });
    expect((await store.jobs.execute(unenhanced.jobId, skip)).outcome).toBe('appended');
    for (const { name } of [JOB_STREAM, ACCOUNT_STREAM]) {
      const reader = new LogReader(buses.jobs, name);
      await reader.position();
      await reader.read(1, 10);
      await reader.messageAt(1);
    }
    const stopAnswering = buses.jobs.listen('ourvidz.query.jobs.get', (message) =>
      message.respond(JSON.stringify({ ok: true, answer: { job: null } })),
    );
    await buses.jobs.flushed();
    expect(await ask(buses.gateway, 'jobs.get', { jobId: request.jobId })).toEqual({ job: null });
    stopAnswering();
    const ring = new LogReader(buses.jobs, JOB_STREAM.name).onAppend(() => undefined);
    await buses.jobs.flushed();
    ring();
    expect(refusals).toEqual([]);
  });

  it('jobs makes a job for a worker that does not speak NATS', async () => {
    const store = storesOf();
    const request = aRequest({ jobType: 'image_high' });
    const { jobId } = request;
    await store.gateway.request(request);
    const delivery = await takeWork(buses.jobs, ['sdxl', 'wan'], laneTurns(), AbortSignal.timeout(5_000));
    delivery?.working();
    const released = new Promise<number>((resolve) => void onRelease(buses.jobs, jobId, resolve));
    await buses.jobs.flushed();
    requestRelease(buses.gateway, jobId, 7);
    expect(await released).toBe(7);
    await store.jobs.execute(jobId, (job) => claimJob(job, 'w1'));
    publishProgress(buses.jobs, { jobId, attempt: 1, percent: 50, stage: 'generating', step: 1, steps: 2 });
    announceWorker(buses.jobs, { worker: 'w1', engine: 'wan', state: 'busy', startedAt: '' });
    await store.jobs.execute(jobId, (job) => storeAsset(job, 1, anAsset(jobId, 0)));
    await store.jobs.execute(jobId, (job) => enhanceOutside(job, 1, 'a finer lighthouse'));
    await store.jobs.execute(jobId, complete);
    delivery?.answer(done());
    await buses.jobs.flushed();
    expect(await store.gateway.load(jobId)).toMatchObject({
      status: 'completed',
      enhanced: { enhanced: { text: 'a finer lighthouse' } },
    });
    expect(refusals).toEqual([]);
  });

  it('gateways tell each other how many requests came in, and what they refused is kept', async () => {
    const heard = new Promise<RequestCounts>((resolve) => void onRequestCounts(buses.gateway, resolve));
    await buses.gateway.flushed();
    const counts = { gateway: 'g', counts: { a: 3 } };
    tellRequestCounts(buses.gateway, counts);
    expect(await heard).toEqual(counts);
    const refused = { accountKey: 'a', userId: 'alice', category: 'adult', rule: 'adult-nudity', count: 1 } as const;
    await recordRefusal(buses.gateway, { ...refused, route: 'POST /x' }, '');
    expect(refusals).toEqual([]);
  });

  it('the gateway reads depths and writes accounts; jobs settles them', async () => {
    for (const queue of ['sdxl_queue', 'wan_queue'] as const) await readQueueDepth(buses.gateway, queue);
    for (const stream of [JOB_STREAM, ACCOUNT_STREAM]) await readStreamUsage(buses.gateway, stream);
    for (const service of ['gateway', 'jobs'] as const)
      for (const subject of [accountSubject('a'), webhookSubject('a')]) await stored(buses[service], subject);
    await new LogReader(buses.gateway, ACCOUNT_STREAM.name).messageAt(1);
    for (const subject of [
      projectSubject('a', 'p'),
      'ourvidz.webhook.w',
      'ourvidz.audit.a',
      'ourvidz.asset.favorited.j.0',
    ])
      await stored(buses.gateway, subject);
    expect(refusals).toEqual([]);
  });
});

const job = newJobId();
const FORBIDDEN: Record<ServiceName, readonly string[]> = {
  gateway: [
    `ourvidz.job.sdxl.interactive.completed.${job}`,
    `ourvidz.job.sdxl.interactive.started.${job}`,
    `ourvidz.job.sdxl.interactive.asset.${job}`,
    `ourvidz.job.sdxl.interactive.failed.${job}`,
    `ourvidz.job.wan-enhanced.interactive.enhanced.${job}`,
    `$JS.API.CONSUMER.MSG.NEXT.${JOB_STREAM.name}.sdxl-interactive`,
    'ourvidz.live.job.forged',
    livePreviewSubject(job),
  ],
  jobs: [
    'ourvidz.audit.a',
    'ourvidz.gateway.requests',
    `ourvidz.job.sdxl.interactive.requested.${job}`,
    `ourvidz.job.sdxl.interactive.cancelled.${job}`,
    `$JS.API.CONSUMER.MSG.NEXT.${JOB_STREAM.name}.enhancer-interactive`,
    'ourvidz.worker.enhancer.w1',
    releaseSubject(job),
    `$JS.API.STREAM.DELETE.${JOB_STREAM.name}`,
    `$JS.API.STREAM.MSG.DELETE.${JOB_STREAM.name}`,
  ],
  'sdxl-worker': workerMayNot('wan'),
  'wan-worker': workerMayNot('sdxl'),
  'events-tool': [
    `ourvidz.job.sdxl.interactive.cancelled.${job}`,
    `ourvidz.job.sdxl.interactive.failed.${job}`,
    projectSubject('a', job),
    'ourvidz.query.jobs.get',
    `$JS.API.STREAM.MSG.DELETE.${JOB_STREAM.name}`,
    `$JS.API.STREAM.DELETE.${DEAD_LETTER_STREAM.name}`,
    `$JS.API.CONSUMER.MSG.NEXT.${JOB_STREAM.name}.sdxl-interactive`,
  ],
  enhancer: [...workerMayNot('sdxl'), `ourvidz.job.wan-enhanced.interactive.started.${job}`, livePreviewSubject(job)],
};

function workerMayNot(route: string): string[] {
  return [
    `ourvidz.job.sdxl.interactive.requested.${job}`,
    `ourvidz.job.wan.interactive.requested.${job}`,
    `ourvidz.job.sdxl.interactive.cancelled.${job}`,
    `ourvidz.job.${route}.interactive.started.${job}`,
    `ourvidz.job.${route}.interactive.completed.${job}`,
    `ourvidz.asset.deleted.${job}.0`,
    accountSubject('a'),
    webhookSubject('a'),
    'ourvidz.query.jobs.get',
    `$JS.API.DIRECT.GET.${ACCOUNT_STREAM.name}`,
    `$JS.API.STREAM.MSG.GET.${ACCOUNT_STREAM.name}`,
    `$JS.API.STREAM.INFO.${ACCOUNT_STREAM.name}`,
    `$JS.API.CONSUMER.MSG.NEXT.${JOB_STREAM.name}.${route}-interactive`,
  ];
}

describe('beyond its rights', () => {
  const creations = [
    `$JS.API.STREAM.CREATE.${JOB_STREAM.name}`,
    `$JS.API.STREAM.UPDATE.${JOB_STREAM.name}`,
    `$JS.API.STREAM.DELETE.${JOB_STREAM.name}`,
    `$JS.API.CONSUMER.CREATE.${JOB_STREAM.name}.mine`,
    `$JS.API.CONSUMER.DELETE.${JOB_STREAM.name}.sdxl-interactive`,
  ];

  const MAKES_STREAMS: readonly ServiceName[] = ['jobs', 'events-tool'];

  it.each(SERVICE_NAMES)('%s › publishes nothing', async (service) => {
    const subjects = [...FORBIDDEN[service], ...(MAKES_STREAMS.includes(service) ? [] : creations)];
    for (const subject of subjects) expect(await refused(buses[service], subject), subject).toBe(true);
  });

  it('jobs › may empty a stream that it fills, which an open one denies', async () => {
    await expect(buses.jobs.jsm.streams.purge(JOB_STREAM.name)).rejects.toThrow(/not permitted/);
    expect(await refused(buses.gateway, seedSubject(accountSubject('a')))).toBe(true);
  });

  it.each(SERVICE_NAMES)('%s › reads nobody’s answers and no events that are not yet stored', async (service) => {
    const others = SERVICE_NAMES.filter((name) => name !== service).map((name) => `${inboxPrefix(name)}.>`);
    const own =
      service === 'gateway' || MAKES_STREAMS.includes(service)
        ? []
        : ['ourvidz.live.>', 'ourvidz.live.account.*', 'ourvidz.query.>'];
    for (const subject of [...others, '_INBOX.>', '>', 'ourvidz.job.>', 'ourvidz.account.>', '$JS.ACK.>', ...own])
      expect(await deaf(buses[service], subject), subject).toBe(true);
  });

  it('waiting for a consumer › ends at once', async () => {
    const waiting = awaitTopology(buses['wan-worker'], [workConsumer('sdxl', 'bulk')]);
    await expect(waiting).rejects.toBeInstanceOf(AccessRefusedError);
  });

  it('an append › is rejected at once, not tried for long', async () => {
    const store = new JobStore(buses['wan-worker']);
    await expect(store.request(aRequest())).rejects.toBeInstanceOf(AppendRejectedError);
  });
});

const start = (current: Job | undefined) => startJob(current, { worker: 'w1', engine: ENGINE });
const complete = (current: Job | undefined) =>
  completeJob(current, {
    attempt: 1,
    timings: { waitedMs: 0, generatedMs: 0, storedMs: 0 },
    engine: ENGINE,
    missing: [],
    urlOf: (key) => key,
  });

function storesOf(): Record<ServiceName, JobStore> {
  const entries = SERVICE_NAMES.map((name) => [name, new JobStore(buses[name])]);
  return Object.fromEntries(entries) as Record<ServiceName, JobStore>;
}

/** Lets a worker take jobs up to the wanted one (or the first), which is answered as said. */
async function oneJob(
  service: ServiceName,
  work: (jobId: string) => Promise<void>,
  wanted?: string,
  answer: () => Handled = done,
): Promise<void> {
  const stop = new AbortController();
  await runWorkSlot(
    buses[service],
    ENGINE_OF[service] ?? 'sdxl',
    async (delivery) => {
      const event = delivery.event();
      const jobId = event && 'jobId' in event.data ? (event.data.jobId ?? '') : '';
      if (wanted && wanted !== jobId) return done();
      delivery.working();
      stop.abort();
      await work(jobId);
      return answer();
    },
    stop.signal,
  );
}

async function reaped(): Promise<void> {
  const stop = new AbortController();
  await runAssetReaper(
    buses.gateway,
    async () => {
      stop.abort();
      return done();
    },
    stop.signal,
  );
}

async function stored(bus: Bus, subject: string): Promise<void> {
  const own = headers();
  own.set('Nats-Msg-Id', crypto.randomUUID());
  const reply = await bus.nc.request(subject, '{}', { headers: own, timeout: 2_000 });
  expect(reply.json(), subject).toMatchObject({ seq: expect.any(Number) });
}

/** Whether the server refuses a message to that subject. */
async function refused(bus: Bus, subject: string): Promise<boolean> {
  return violation(bus, subject, () => bus.nc.publish(subject, '{}', { reply: bus.newInbox() }));
}

/** Whether the server refuses a subscription to that subject. */
async function deaf(bus: Bus, subject: string): Promise<boolean> {
  const heard: Msg[] = [];
  let stop = () => {};
  const isRefused = await violation(bus, subject, () => {
    stop = bus.listen(subject, (message) => void heard.push(message));
  });
  stop();
  return isRefused;
}

async function violation(bus: Bus, subject: string, attempt: () => void): Promise<boolean> {
  const before = refusals.length;
  attempt();
  await bus.flushed();
  // The refusal comes before the answer to the flush, and into the log right after.
  await new Promise(setImmediate);
  return refusals.slice(before).some((refusal) => refusal.includes(`"${subject}"`));
}
