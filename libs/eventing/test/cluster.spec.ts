import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldAccount, openAccount, reserveCredits } from '#contracts/domain/account.js';
import { cancelJob, failJob, startJob } from '#contracts/domain/job-decisions.js';
import { type AccountEventData, CLOUD_EVENT_TYPES, type Recorded } from '#contracts/events/registry.js';
import { accountKeyOf, newEventId, newJobId } from '#contracts/ids.js';
import { ACCOUNT_STREAM, JOB_STREAM, type StreamSpec, workConsumer } from '#contracts/streams.js';
import { accountSubject, jobSubject } from '#contracts/subjects.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { done } from '#eventing/handled.js';
import { type ExecuteResult, JobStore } from '#eventing/job-store.js';
import { LogReader } from '#eventing/log-reader.js';
import type { Seed, SeedEvent } from '#eventing/stream-seed.js';
import { SubjectStore } from '#eventing/subject-store.js';
import { awaitTopology, createTopology, type Restore } from '#eventing/topology.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import type { NatsServer } from '#launcher/nats-server.js';
import { pollUntil } from '#launcher/poll.js';
import { createLog } from '#service-kit/log.js';
import { type TestNatsCluster, testNatsCluster } from '../../../test/support/servers.js';
import { aRequest, ENGINE, SIZE } from './a-job.js';

const log = createLog('test', 'silent');
let cluster: TestNatsCluster;
const buses: Bus[] = [];

beforeAll(async () => {
  cluster = await testNatsCluster();
  // Each connection prefers another member, so that reads and writes meet at different ones.
  for (const url of cluster.urls) buses.push(await connectBus({ url, service: 'jobs', log }));
  await createTopology(firstBus(), { ...SIZE, replicas: 3 });
});
afterAll(async () => {
  await Promise.all(buses.map((bus) => bus.close()));
  await cluster?.close();
});

const firstBus = () => buses[0] ?? fail('no bus');
const start = (job: Parameters<typeof startJob>[0]) => startJob(job, { worker: 'w1', engine: ENGINE });
const failure = { code: 'generation_timeout', message: 'too long', retryable: true };

describe('on three servers', () => {
  it('streams and consumers are as asked for', async () => {
    await awaitTopology(firstBus(), [workConsumer('wan', 'bulk')]);
    const { config } = await firstBus().jsm.streams.info(JOB_STREAM.name);
    expect(config.num_replicas).toBe(3);
  });

  it('a job is found from everywhere as soon as it is requested, and never older than what is known', async () => {
    const stores = buses.map((bus) => new JobStore(bus));
    for (let round = 0; round < 60; round++) {
      const [writer, ...readers] = rotated(stores, round);
      const request = aRequest();
      await writer?.request(request);
      const found = await Promise.all(readers.map((store) => store.load(request.jobId)));
      expect(found.map((job) => job?.requested.jobId)).toEqual(readers.map(() => request.jobId));
      const started = await writer?.execute(request.jobId, start);
      const known = started?.job?.sequence ?? 0;
      const [own, ...others] = await Promise.all([
        writer?.load(request.jobId),
        ...readers.map((store) => store.load(request.jobId, known)),
      ]);
      expect([own, ...others].map((job) => job?.status)).toEqual(stores.map(() => 'processing'));
    }
  });

  it('a job ends once, however many end it while the stream’s leader is killed', async () => {
    const stores = buses.map((bus) => new JobStore(bus));
    const requests = Array.from({ length: 200 }, () => aRequest());
    await inBatches(requests, 50, async (request) => void (await stores[0]?.request(request)));
    const results: ExecuteResult[][] = [];
    const racing = inBatches(requests, 10, async ({ jobId }) => {
      const ends = Array.from({ length: 6 }, (_, n) =>
        stores[n % 3]?.execute(jobId, (job) => (n % 2 ? failJob(job, failure) : cancelJob(job, 'alice'))),
      );
      results.push((await Promise.all(ends)).filter((result) => result !== undefined));
    });
    await Promise.all([racing, killLeaders(2)]);
    // Everybody who appended must mean the same event; a racer whose answer was lost finds its own.
    expect(results.map((each) => each.filter(({ outcome }) => outcome === 'appended').length)).toEqual(
      requests.map(() => 1),
    );
    await inBatches(requests, 50, async ({ jobId }) => {
      const types = (await stores[1]?.history(jobId))?.map((event) => event.type);
      expect(types?.filter((type) => type !== 'JobRequested')).toHaveLength(1);
    });
  });

  it('credits are spent once, however many spend them while the stream’s leader is killed', async () => {
    const stores = buses.map((bus) => new SubjectStore<keyof AccountEventData>(bus, ACCOUNT_STREAM));
    const keys = ['alice', 'bob', 'carol'].map(accountKeyOf);
    const reservation = async (store: (typeof stores)[number] | undefined, key: string) => {
      const jobId = newJobId();
      const account = (last: Recorded<keyof AccountEventData> | undefined) => foldAccount(key, last ? [last] : []);
      return store?.execute({ subject: accountSubject(key), subjectId: key }, (last) =>
        last ? reserveCredits(account(last), jobId, 1) : openAccount(account(last), 100, 'new'),
      );
    };
    const outcomes: (string | undefined)[] = [];
    const rounds = Array.from({ length: 60 }, (_, round) => round);
    const racing = inBatches(rounds, 1, async () => {
      const racers = keys.flatMap((key) => stores.map((store) => reservation(store, key)));
      outcomes.push(...(await Promise.all(racers)).map((result) => result?.outcome));
    });
    await Promise.all([racing, killLeaders(1, ACCOUNT_STREAM)]);
    // The first change of each account opens it, 100 spend it.
    expect(outcomes.filter((outcome) => outcome === 'appended')).toHaveLength(keys.length * 101);
    const messages = await new LogReader(firstBus(), ACCOUNT_STREAM.name).read(1, 1_000);
    for (const key of keys) {
      const balances = messages.filter(({ subjectId }) => subjectId === key).map(({ data }) => data);
      expect(balances).toEqual(Array.from({ length: 101 }, (_, n) => expect.objectContaining({ balance: 100 - n })));
    }
  });

  it('work goes on while the leader is killed', async () => {
    const stop = new AbortController();
    const waiting = new Set<string>();
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const slots = buses.map((bus) =>
      runWorkSlot(
        bus,
        'wan',
        async (delivery) => {
          const event = delivery.event();
          if (event && 'jobId' in event.data) waiting.delete(event.data.jobId ?? '');
          if (waiting.size === 0) finish();
          return done();
        },
        stop.signal,
      ),
    );
    const requests = Array.from({ length: 60 }, () => aRequest({ jobType: 'image_fast' }));
    for (const { jobId } of requests) waiting.add(jobId);
    const store = new JobStore(firstBus());
    const storing = inBatches(requests, 10, async (request) => void (await store.request(request)));
    await Promise.all([storing, finished, killLeaders(1)]);
    stop.abort();
    await Promise.all(slots);
  });

  it('a lost stream is filled again in order, also while its leader is killed', async () => {
    const bus = firstBus();
    const events = Array.from({ length: 3_000 }, () => aSeedEvent());
    await bus.jsm.streams.delete(JOB_STREAM.name);
    let killing: Promise<void> | undefined;
    const seed = (): Seed => ({
      firstSequence: 10_000_001,
      finished: parts(events.slice(0, 2_000)),
      open: parts(events.slice(2_000)),
      onStored: (count) => {
        if (count > 500) killing ??= killLeaders(1);
      },
      onFilled: async () => undefined,
    });
    const restore: Restore = async (spec, fill) => {
      if (spec.name !== JOB_STREAM.name) return false;
      await fill(seed());
      return true;
    };
    await createTopology(bus, { ...SIZE, replicas: 3 }, undefined, restore);
    await killing;
    const reader = new LogReader(bus, JOB_STREAM.name);
    const { firstSequence, lastSequence } = await reader.position();
    expect(lastSequence - firstSequence + 1).toBe(events.length);
    const ids: string[] = [];
    for (let from = firstSequence; ids.length < events.length; from = firstSequence + ids.length)
      ids.push(...(await reader.read(from, 500)).map(({ id }) => id));
    expect(ids).toEqual(events.map(({ id }) => id));
  });
});

/** Kills the stream's leader and brings it back, several times. */
async function killLeaders(times: number, stream = JOB_STREAM): Promise<void> {
  for (let time = 0; time < times; time++) {
    const leader = await streamLeader(stream);
    await leader.kill();
    await leader.restart();
    await cluster.cluster.leader();
  }
}

/** While a leader is being elected nobody answers. */
function streamLeader({ name }: StreamSpec): Promise<NatsServer> {
  return pollUntil('a leader of the stream', 20_000, async () => {
    const asked = buses.filter((bus) => bus.isConnected()).map((bus) => bus.answerTo(bus.jsm.streams.info(name)));
    const infos = await Promise.allSettled(asked);
    const [info] = infos.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    return cluster.cluster.members[Number(info?.cluster?.leader?.slice(-1)) - 1];
  });
}

function aSeedEvent(): SeedEvent {
  const { jobId, ...request } = aRequest();
  const about = {
    subject: jobSubject('sdxl', 'bulk', 'requested', jobId),
    subjectId: jobId,
    source: '/ourvidz/gateway',
  };
  const type = { id: newEventId(), cloudEventType: CLOUD_EVENT_TYPES.JobRequested, time: new Date().toISOString() };
  return { ...about, ...type, data: { jobId, ...request } };
}

async function* parts(events: readonly SeedEvent[]): AsyncGenerator<readonly SeedEvent[]> {
  for (let at = 0; at < events.length; at += 100) yield events.slice(at, at + 100);
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

async function inBatches<T>(items: readonly T[], size: number, work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += size) await Promise.all(items.slice(at, at + size).map(work));
}

function fail(why: string): never {
  throw new Error(why);
}
