import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { accountKeyOf, newJobId } from '#contracts/ids.js';
import { type ConsumerSpec, workConsumer, workFilters } from '#contracts/streams.js';
import { type Lane, liveSubject } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import { type DeadLetter, runDeadLetters } from '#eventing/dead-letters.js';
import type { Delivery } from '#eventing/delivery.js';
import { StreamFullError } from '#eventing/errors.js';
import { done, reject, retryAfter } from '#eventing/handled.js';
import { JobStore } from '#eventing/job-store.js';
import { pause } from '#eventing/pause.js';
import { type DeliveryHandler, runPullLoop } from '#eventing/pull-loop.js';
import { Puller } from '#eventing/puller.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { aLog, anInstallation, freeze, type Installation } from './a-bus.js';
import { aConsumer, openMessages } from './a-consumer.js';
import { aRequest } from './a-job.js';

let installation: Installation;
let bus: Bus;
let store: JobStore;

beforeAll(async () => {
  installation = await anInstallation();
  bus = installation.bus;
  store = new JobStore(bus);
});
afterAll(() => installation?.close());

const doorbells = workFilters('sdxl', '*').map(liveSubject);

/** A loop on one consumer and the deliveries that it handled. */
function aLoop(consumer: ConsumerSpec, handle: DeliveryHandler, on: Bus = bus) {
  const stop = new AbortController();
  const handled: { count: number; at: number; delivery: Delivery }[] = [];
  const onDelivery = (delivery: Delivery) => {
    handled.push({ count: delivery.deliveryCount, at: Date.now(), delivery });
    return handle(delivery);
  };
  const ended = runPullLoop(on, { consumers: [consumer], doorbells, signal: stop.signal }, onDelivery);
  const end = async () => {
    stop.abort();
    await ended;
  };
  return { stop, ended, end, handled };
}

/** A consumer sees a message a moment after it is stored: a look right then takes from the other lane. */
async function untilWaiting(lane: Lane): Promise<void> {
  const { stream, name } = workConsumer('sdxl', lane);
  const waiting = async () => (await bus.jsm.consumers.info(stream, name)).num_pending;
  await expect.poll(waiting, { interval: 1 }).toBeGreaterThan(0);
}

describe('a free slot', () => {
  it('starts a job as soon as it is stored, every time', async () => {
    const stop = new AbortController();
    let started = (_at: number) => {};
    const slot = runWorkSlot(
      bus,
      'sdxl',
      async () => {
        started(performance.now());
        return done();
      },
      stop.signal,
    );
    const latencies: number[] = [];
    for (let round = 0; round < 300; round++) {
      const start = new Promise<number>((resolve) => {
        started = resolve;
      });
      const before = performance.now();
      await store.request(aRequest());
      latencies.push((await start) - before);
    }
    latencies.sort((a, b) => a - b);
    console.log(`request to start: p50 ${latencies[150]?.toFixed(1)} ms, slowest ${latencies[299]?.toFixed(1)} ms`);
    // A ring that is lost would show as the whole second of the poll.
    expect(latencies[299]).toBeLessThan(900);
    stop.abort();
    await slot;
  });

  it('takes interactive jobs first, and after four of them a bulk job that waits', async () => {
    const lanes: Lane[] = ['bulk', 'interactive'];
    for (const lane of lanes) for (let n = 0; n < 8; n++) await store.request(aRequest({ lane }));
    expect(await takenInTurn(16)).toBe('iiiiBiiiiBBBBBBB');
  });

  it('while one user has 200 jobs › another one’s first job is the next, whenever it comes', async () => {
    await store.request(aRequest());
    await Promise.all(Array.from({ length: 199 }, () => store.request(aRequest({ lane: 'bulk' }))));
    const bob = { userId: 'bob', accountKey: accountKeyOf('bob') };
    // Bob comes back after every bulk job: at no place of the line does one of them go before his.
    const bobComes = async (taken: string) => {
      if (!taken.endsWith('B')) return;
      await store.request(aRequest(bob));
      await untilWaiting('interactive');
    };
    expect(await takenInTurn(41, bobComes)).toBe(`i${'Bi'.repeat(20)}`);
    expect(await takenInTurn(179)).toBe('B'.repeat(179));
  });

  it('while others come all the time › bulk jobs go on, one for each four', async () => {
    for (const lane of ['bulk', 'bulk', 'bulk'] as const) await store.request(aRequest({ lane }));
    await store.request(aRequest());
    const another = async (taken: string) => {
      if (taken.length >= 15) return;
      await store.request(aRequest());
      await untilWaiting('interactive');
    };
    expect(await takenInTurn(18, another)).toBe('iiiiBiiiiBiiiiBiii');
  });

  it('that took others while nobody waited in bulk › owes nothing to a bulk job that comes later', async () => {
    for (let n = 0; n < 9; n++) await store.request(aRequest());
    const together = async (taken: string) => {
      if (taken.length !== 9) return;
      await store.request(aRequest({ lane: 'bulk' }));
      await store.request(aRequest());
      await untilWaiting('interactive');
    };
    expect(await takenInTurn(11, together)).toBe(`${'i'.repeat(10)}B`);
  });

  it('without work › asks seldom, also after a ring that brought nothing', async () => {
    const idle = await installation.connect();
    const consumer = await aConsumer(bus, newJobId());
    const loop = aLoop(consumer, async () => done(), idle);
    await idle.flushed();
    const before = idle.nc.stats().outMsgs;
    bus.nc.publish(liveSubject('ourvidz.job.sdxl.bulk.requested.x'));
    const asked = () => idle.nc.stats().outMsgs - before;
    const since = Date.now();
    // 0, 5, 15, 35, … 635 ms after the ring, and then once a second.
    await vi.waitFor(() => expect(Date.now() - since).toBeGreaterThan(1_200), 3_000);
    expect(asked()).toBeGreaterThan(3);
    expect(asked()).toBeLessThan(15);
    await loop.end();
  });
});

describe('a message in hand', () => {
  it('is kept by signs of life for longer than its ack_wait', async () => {
    const request = aRequest();
    const consumer = await aConsumer(bus, request.jobId, { ackWaitMs: 600 });
    const loop = aLoop(consumer, () => pause(1_600).then(done));
    const rival = aLoop(consumer, async () => done());
    await store.request(request);
    await vi.waitFor(async () => expect(await openMessages(bus, consumer)).toBe(0), 5_000);
    await Promise.all([loop.end(), rival.end()]);
    expect([...loop.handled, ...rival.handled].map(({ count }) => count)).toEqual([1]);
  }, 10_000);

  it('comes again after the delay that the handler asked for', async () => {
    const request = aRequest();
    const consumer = await aConsumer(bus, request.jobId);
    const loop = aLoop(consumer, async ({ deliveryCount }) => (deliveryCount < 3 ? retryAfter(400) : done()));
    await store.request(request);
    await vi.waitFor(async () => expect(await openMessages(bus, consumer)).toBe(0), 8_000);
    await loop.end();
    expect(loop.handled.map(({ count }) => count)).toEqual([1, 2, 3]);
    const waits = loop.handled.slice(1).map(({ at }, index) => at - (loop.handled[index]?.at ?? 0));
    for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(395);
  }, 10_000);

  it('is finished and answered when the loop is stopped meanwhile', async () => {
    const request = aRequest();
    const consumer = await aConsumer(bus, request.jobId);
    let finish = () => {};
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const loop = aLoop(consumer, () => work.then(done));
    await store.request(request);
    await vi.waitFor(() => expect(loop.handled).toHaveLength(1));
    loop.stop.abort();
    finish();
    await loop.ended;
    await vi.waitFor(async () => expect(await openMessages(bus, consumer)).toBe(0));
  });
});

describe('a loop without a message in hand', () => {
  it('ends at once when stopped, with or without a server', async () => {
    const own = await anInstallation();
    const consumer = await aConsumer(own.bus, '*');
    const loops = [aLoop(consumer, async () => done(), own.bus), aLoop(consumer, async () => done(), own.bus)];
    await own.bus.flushed();
    await expect(timed(() => loops[0]?.end())).resolves.toBeLessThan(200);
    await own.nats.server.kill();
    await vi.waitFor(() => expect(own.bus.isConnected()).toBe(false));
    await expect(timed(() => loops[1]?.end())).resolves.toBeLessThan(200);
    await own.close();
  });

  it('fails when its connection is closed', async () => {
    const own = await installation.connect();
    const consumer = await aConsumer(bus, newJobId());
    const loop = aLoop(consumer, async () => done(), own);
    await own.flushed();
    const failed = expect(loop.ended).rejects.toThrow();
    await own.close();
    await failed;
  });
});

describe('dead letters', () => {
  it('tell what was rejected, what failed too often, and what nobody answered', async () => {
    const letters = new Map<string, DeadLetter>();
    const stop = new AbortController();
    const reading = runDeadLetters(
      bus,
      async (letter) => {
        // The first try fails: a dead letter is handed over again until it is dealt with.
        const known = letters.has(letter.jobId ?? '');
        letters.set(letter.jobId ?? '', letter);
        if (!known) throw new Error('not now');
        return done();
      },
      stop.signal,
    );
    const [rejected, failing, silent] = [aRequest(), aRequest(), aRequest()];
    const options = { ackWaitMs: 300, maxDeliver: 2 };
    const consumers = await Promise.all([rejected, failing, silent].map(({ jobId }) => aConsumer(bus, jobId, options)));
    const [forRejected, forFailing, forSilent] = consumers as [ConsumerSpec, ConsumerSpec, ConsumerSpec];
    const loops = [
      aLoop(forRejected, async () => reject('not an event that starts work')),
      aLoop(forFailing, async () => {
        throw new Error('engine on fire');
      }),
    ];
    for (const request of [rejected, failing, silent]) await store.request(request);
    const crashing = new Puller(bus, forSilent);
    // The server gives a message up only when somebody asks for more.
    await vi.waitFor(
      async () => {
        await crashing.next();
        expect([...letters.keys()].sort()).toEqual([rejected, failing, silent].map(({ jobId }) => jobId).sort());
      },
      { timeout: 10_000, interval: 100 },
    );
    expect(letters.get(rejected.jobId)).toMatchObject({
      reason: 'terminated',
      detail: 'not an event that starts work',
      consumer: forRejected.name,
      deliveries: 1,
    });
    expect(letters.get(failing.jobId)).toMatchObject({
      reason: 'max_deliveries',
      detail: 'gave up: engine on fire',
      deliveries: 2,
    });
    expect(letters.get(silent.jobId)).toMatchObject({ reason: 'max_deliveries', deliveries: 2 });
    crashing.close();
    stop.abort();
    await Promise.all([reading, ...loops.map((loop) => loop.end())]);
    expect(loops[1]?.handled.map(({ count }) => count)).toEqual([1, 2]);
  }, 15_000);
});

describe('when NATS can take no outcome', () => {
  it('keeps the message in hand and uses up no delivery', async () => {
    const request = aRequest();
    const consumer = await aConsumer(bus, request.jobId, { ackWaitMs: 300, maxDeliver: 2 });
    let tries = 0;
    const loop = aLoop(consumer, async () => {
      if (++tries < 3) throw new StreamFullError('no room');
      return done();
    });
    await store.request(request);
    await vi.waitFor(() => expect(tries).toBe(3), 10_000);
    await vi.waitFor(async () => expect(await openMessages(bus, consumer)).toBe(0), 5_000);
    expect(loop.handled.every(({ count }) => count === 1)).toBe(true);
    await loop.end();
  }, 15_000);
});

describe('when NATS', () => {
  it('is killed again and again › every job is handled and none is stuck', async () => {
    const own = await anInstallation();
    const working = await own.connect('sdxl-worker');
    const consumer = await aConsumer(own.bus, '*', { ackWaitMs: 1_000, maxDeliver: -1 });
    const seen = new Set<string>();
    const handle = async (delivery: Delivery) => {
      const event = delivery.event();
      if (event?.type === 'JobRequested') seen.add(event.data.jobId);
      await pause(5);
      return done();
    };
    const loops = [1, 2].map(() => aLoop(consumer, handle, working));
    const requests = Array.from({ length: 120 }, () => aRequest());
    const storing = Promise.all(requests.map((request) => new JobStore(own.bus).request(request)));
    for (let kill = 1; kill <= 4; kill++) {
      await vi.waitFor(() => expect(seen.size).toBeGreaterThanOrEqual(kill * 20), 10_000);
      await own.nats.server.kill();
      await own.nats.server.restart();
    }
    await storing;
    await vi.waitFor(() => expect(seen.size).toBe(requests.length), 10_000);
    await vi.waitFor(async () => expect(await openMessages(own.bus, consumer)).toBe(0), 10_000);
    await Promise.all(loops.map((loop) => loop.end()));
    await own.close();
  }, 30_000);

  it('was frozen and answers a pull too late › the message is handed to somebody at once', async () => {
    const own = await anInstallation();
    const { log, lines } = aLog();
    const working = await own.connect('sdxl-worker', { log });
    const request = aRequest();
    const consumer = await aConsumer(own.bus, request.jobId);
    const puller = new Puller(working, consumer);
    expect(await puller.next()).toBeUndefined();
    const storing = new JobStore(own.bus).request(request);
    await storing;
    await freeze(own);
    expect(await puller.next()).toBeUndefined();
    expect(lines.at(-1)?.msg).toBe('a pull was not answered');
    own.nats.server.resume();
    const loop = aLoop(consumer, async () => done(), own.bus);
    await vi.waitFor(async () => expect(await openMessages(own.bus, consumer)).toBe(0), 5_000);
    await loop.end();
    puller.close();
    await own.close();
  }, 15_000);
});

/** Lets a slot take jobs and tells their lanes: i for interactive, B for bulk. `during` runs while a job is in hand. */
async function takenInTurn(jobs: number, during: (taken: string) => Promise<void> = async () => {}): Promise<string> {
  let taken = '';
  const stop = new AbortController();
  const failures: unknown[] = [];
  const handle = async (delivery: Delivery) => {
    taken += delivery.subject.includes('.bulk.') ? 'B' : 'i';
    // The loop would take a failure for the message's.
    await during(taken).catch((error: unknown) => failures.push(error));
    if (taken.length === jobs || failures.length > 0) stop.abort();
    return done();
  };
  await runWorkSlot(bus, 'sdxl', handle, stop.signal);
  expect(failures).toEqual([]);
  return taken;
}

async function timed(work: () => Promise<void> | undefined): Promise<number> {
  const before = Date.now();
  await work();
  return Date.now() - before;
}
