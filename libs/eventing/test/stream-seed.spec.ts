import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startJob } from '#contracts/domain/job-decisions.js';
import { newEventId, newJobId } from '#contracts/ids.js';
import { JOB_STREAM, workConsumer } from '#contracts/streams.js';
import { jobSubject } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import { directRead } from '#eventing/direct-read.js';
import { EventingUnavailableError, TopologyError } from '#eventing/errors.js';
import { JobStore } from '#eventing/job-store.js';
import { LogReader, type RawEvent } from '#eventing/log-reader.js';
import { readQueueDepth } from '#eventing/queue-depth.js';
import type { Seed, SeedEvent } from '#eventing/stream-seed.js';
import { awaitTopology, createTopology, type Restore } from '#eventing/topology.js';
import { anInstallation, type Installation } from './a-bus.js';
import { aRequest, ENGINE, SIZE } from './a-job.js';

const FIRST = 10_000_001;
const WORK = [workConsumer('sdxl', 'interactive')];

let installation: Installation;
let bus: Bus;

beforeEach(async () => {
  installation = await anInstallation({});
  bus = installation.bus;
});
afterEach(() => installation.close());

async function* parts(...events: readonly SeedEvent[]): AsyncGenerator<readonly SeedEvent[]> {
  for (const event of events) yield [event];
}

/** What a request of a job and the start of another left in the stream. */
async function twoJobs(): Promise<{ finished: RawEvent[]; open: RawEvent[] }> {
  const store = new JobStore(bus);
  const [finished, open] = [aRequest(), aRequest()];
  for (const request of [finished, open]) {
    await store.request(request);
    await store.execute(request.jobId, (job) => startJob(job, { worker: 'w1', engine: ENGINE }));
  }
  const events = await new LogReader(bus, JOB_STREAM.name).read(1, 10);
  const of = (id: string) => events.filter(({ subjectId }) => subjectId === id);
  return { finished: of(finished.jobId), open: of(open.jobId) };
}

function seedOf(finished: readonly SeedEvent[], open: readonly SeedEvent[], over: Partial<Seed> = {}): Seed {
  const none = async () => undefined;
  return { firstSequence: FIRST, finished: parts(...finished), open: parts(...open), onFilled: none, ...over };
}

/** Each try begins with a seed of its own. */
const restoredBy =
  (seed: () => Seed): Restore =>
  async (spec, fill) => {
    if (spec.name !== JOB_STREAM.name) return false;
    await fill(seed());
    return true;
  };

async function loseStream(): Promise<void> {
  await bus.jsm.streams.delete(JOB_STREAM.name);
}

function create(restore: Restore): Promise<void> {
  return createTopology(bus, SIZE, undefined, restore);
}

/** Ids, headers and data as they were; only the sequences and the times of storing are new. */
function unplaced(events: readonly RawEvent[]) {
  return events.map(({ sequence: _, storedAt: __, ...event }) => event);
}

describe('a stream that was lost', () => {
  it('is filled with the same events in the given order, at sequences that go on rising', async () => {
    const { finished, open } = await twoJobs();
    await loseStream();
    await create(restoredBy(() => seedOf(finished, open)));
    const events = await new LogReader(bus, JOB_STREAM.name).read(1, 10);
    expect(unplaced(events)).toEqual(unplaced([...finished, ...open]));
    expect(events.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3].map((at) => FIRST + at));
    await awaitTopology(bus, WORK);
    await createTopology(bus, SIZE);
  });

  it('hands out the open jobs and no other, and a job goes on where it was', async () => {
    const { finished, open } = await twoJobs();
    await loseStream();
    await create(restoredBy(() => seedOf(finished, open)));
    expect(await readQueueDepth(bus, 'sdxl_queue')).toMatchObject({ waiting: 1, processing: 0 });
    const started = await new JobStore(bus).execute(open[0]?.subjectId ?? '', (job) =>
      startJob(job, { worker: 'w2', engine: ENGINE }),
    );
    expect(started).toMatchObject({ outcome: 'appended', event: { sequence: FIRST + 4, data: { attempt: 2 } } });
  });

  it('takes no append and gives no job until it is full', async () => {
    const { finished, open } = await twoJobs();
    await loseStream();
    const meanwhile: string[] = [];
    const onFilled = async () => {
      const subject = jobSubject('sdxl', 'bulk', 'requested', newJobId());
      const asked = {
        append: bus.nc.request(subject, '{}', { timeout: 1_000 }),
        read: directRead(bus, JOB_STREAM.name, { seq: FIRST, batch: 1 }),
        topology: awaitTopology(bus, WORK, AbortSignal.timeout(300)),
      };
      for (const [what, answer] of Object.entries(asked)) await answer.catch(() => meanwhile.push(what));
    };
    await create(restoredBy(() => seedOf(finished, open, { onFilled })));
    expect(meanwhile).toEqual(['append', 'read', 'topology']);
    expect(await new JobStore(bus).load(open[0]?.subjectId ?? '')).toMatchObject({ status: 'processing' });
  });

  it('and whose filling was broken off › is filled from the beginning, still higher', async () => {
    const { finished, open } = await twoJobs();
    await loseStream();
    const stop = new AbortController();
    const onFilled = async () => {
      stop.abort(new Error('killed'));
      throw new EventingUnavailableError('killed');
    };
    const broken = restoredBy(() => seedOf(finished, open, { onFilled }));
    await expect(createTopology(bus, SIZE, stop.signal, broken)).rejects.toThrow('killed');
    // Who knows nothing of what was lost must not open it.
    await expect(createTopology(bus, SIZE, AbortSignal.timeout(300))).rejects.toThrow();
    await create(restoredBy(() => seedOf(finished, open)));
    const events = await new LogReader(bus, JOB_STREAM.name).read(1, 10);
    expect(unplaced(events)).toEqual(unplaced([...finished, ...open]));
    expect(events[0]?.sequence).toBe(FIRST + 4);
  });

  it('and is filled by two at once › has every event once', async () => {
    const { finished, open } = await twoJobs();
    await loseStream();
    const restore = restoredBy(() => seedOf(finished, open));
    await Promise.all([create(restore), create(restore)]);
    const events = await new LogReader(bus, JOB_STREAM.name).read(1, 10);
    expect(unplaced(events)).toEqual(unplaced([...finished, ...open]));
  });

  it('and held more than it may hold now › is refused with the settings to change', async () => {
    const { finished } = await twoJobs();
    await loseStream();
    const many = Array.from({ length: 200 }, () => ({ ...(finished[0] as RawEvent), id: newEventId() }));
    const size = { ...SIZE, jobStreamMaxBytes: 20_000 };
    const creating = createTopology(
      bus,
      size,
      undefined,
      restoredBy(() => seedOf(many, [])),
    );
    await expect(creating).rejects.toBeInstanceOf(TopologyError);
    await expect(creating).rejects.toThrow(/does not fit/);
  });
});
