import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { cancelJob } from '#contracts/domain/job-decisions.js';
import { publishLivePreview, publishProgress } from '#eventing/live.js';
import { EventReader, type ReaderOptions, type ReceivedEvent } from './event-reader.js';
import { authorization, get, type Kit, queued, startKit, TestWorker } from './gateway-kit.js';

let kit: Kit;
let worker: TestWorker;
const readers: EventReader[] = [];

beforeAll(async () => {
  kit = await startKit();
  worker = new TestWorker(kit.jobs, kit.folder);
});
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});
afterAll(() => kit.close());

async function open(jobId: string, options: ReaderOptions = {}, url = kit.url): Promise<EventReader> {
  const reader = await EventReader.open(url, jobId, options);
  readers.push(reader);
  return reader;
}

const aPreview = (jobId: string, index: number, attempt = 1) => {
  const data = Buffer.from(String(index)).toString('base64');
  return { jobId, attempt, index, mediaType: 'image/webp', width: 256, height: 205, data } as const;
};
const names = (events: ReceivedEvent[]) => events.map(({ event }) => event);
const indexes = (events: ReceivedEvent[]) =>
  events.filter(({ event }) => event === 'asset').map(({ data }) => data.index);
const lastId = (events: ReceivedEvent[]) => events.findLast(({ id }) => id !== undefined)?.id;
const clientCount = async () =>
  /ourvidz_event_stream_clients (\d+)/.exec(await (await get(kit.url, '/metrics')).text())?.[1];

describe('watching a job', () => {
  it('from its beginning tells everything once, in order, and ends', async () => {
    const job = await queued(kit.url);
    const reader = await open(job.id);
    expect(reader.response.headers.get('content-type')).toContain('text/event-stream');
    expect(reader.response.headers.get('cache-control')).toBe('no-store');
    expect(reader.response.headers.get('x-accel-buffering')).toBe('no');
    expect(reader.response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await reader.next()).toMatchObject({ event: 'status', id: expect.any(Number), data: { status: 'queued' } });
    await worker.make(job.id);
    const events = await reader.rest();
    expect(names(events)).toEqual(['status', ...Array(6).fill('asset'), 'status', 'done']);
    expect(indexes(events)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(events.at(-1)?.data).toMatchObject({ status: 'completed', progress: { percent: 100 } });
    expect(events.at(-1)?.data.metadata.all_assets).toHaveLength(6);
    const ids = events.map(({ id }) => id ?? 0);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  });

  it('of a finished one gives a snapshot and done', async () => {
    const job = await queued(kit.url);
    await worker.make(job.id, 3);
    const events = await (await open(job.id)).rest();
    expect(names(events)).toEqual(['status', 'asset', 'asset', 'asset', 'done']);
    expect(events[0]?.data.status).toBe('completed');
  });

  it('shows the pictures that are there while the rest is made', async () => {
    const job = await queued(kit.url);
    await worker.start(job.id);
    await worker.store(job.id, 0);
    await worker.store(job.id, 1);
    const reader = await open(job.id);
    const [status] = await reader.until(({ data }) => data.index === 1);
    expect(status?.data).toMatchObject({ status: 'processing', progress: { percent: 33 } });
    const { metadata } = await (await get(kit.url, `/api/jobs/${job.id}`))
      .json()
      .then((body) => body as { metadata: { all_assets: string[] } });
    expect(metadata.all_assets).toHaveLength(2);
    expect((await fetch(metadata.all_assets[1] ?? '')).status).toBe(200);
  });

  it('resumes behind any event without a gap and without telling anything twice', async () => {
    const job = await queued(kit.url);
    const reader = await open(job.id);
    await reader.next();
    await worker.make(job.id);
    const all = await reader.rest();
    const started = all[0]?.id ?? 0;
    for (const { id, event, data } of all.filter((each) => each.event === 'asset')) {
      const rest = await (await open(job.id, { lastEventId: id })).rest();
      expect(event).toBe('asset');
      expect(indexes(rest)).toEqual([0, 1, 2, 3, 4, 5].filter((index) => index > data.index));
      expect(rest.filter((each) => (each.id ?? Number.MAX_SAFE_INTEGER) <= (id ?? 0))).toEqual([]);
      expect(names(rest).slice(-2)).toEqual(['status', 'done']);
    }
    const afterStart = await (await open(job.id, { lastEventId: started })).rest();
    expect(indexes(afterStart)).toEqual([0, 1, 2, 3, 4, 5]);
    const afterEnd = await (await open(job.id, { lastEventId: lastId(all) })).rest();
    expect(names(afterEnd)).toEqual(['done']);
    const farBeyond = await (await open(job.id, { lastEventId: 10 ** 12 })).rest();
    expect(names(farBeyond)).toEqual(['done']);
  });

  it('resumes in the middle of a running job, also on another gateway', async () => {
    const other = await kit.startAnother();
    const job = await queued(kit.url);
    await worker.start(job.id);
    const first = await open(job.id);
    await first.next();
    await worker.store(job.id, 0);
    const [asset] = await first.until(({ event }) => event === 'asset');
    first.close();
    await worker.store(job.id, 1);
    const second = await open(job.id, { lastEventId: asset?.id }, other.url);
    expect((await second.next())?.data.index).toBe(1);
    await worker.store(job.id, 2);
    await worker.complete(job.id);
    expect(indexes(await second.rest())).toEqual([2]);
  });

  it('with an id from nowhere does not miss what comes', async () => {
    const job = await queued(kit.url);
    const reader = await open(job.id, { lastEventId: 10 ** 12 });
    const events = reader.rest();
    await vi.waitFor(async () => expect(await clientCount()).not.toBe('0'));
    await worker.make(job.id, 1);
    expect(names(await events)).toEqual(['status', 'asset', 'status', 'done']);
  });

  it('takes the id from the address too, and starts anew with one that is none', async () => {
    const job = await queued(kit.url);
    await worker.make(job.id, 1);
    const events = await (await open(job.id)).rest();
    const behindAll = await get(kit.url, `/api/jobs/${job.id}/events?lastEventId=${lastId(events)}`);
    expect((await behindAll.text()).match(/event: \w+/g)).toEqual(['event: done']);
    expect(names(await (await open(job.id, { lastEventId: 'x' })).rest())).toEqual(names(events));
  });

  it('tells progress of the running attempt, and no other', async () => {
    const job = await queued(kit.url);
    await worker.start(job.id);
    await worker.start(job.id);
    const reader = await open(job.id);
    await reader.next();
    const progress = { jobId: job.id, stage: 'generating' as const, step: 5, steps: 25 };
    publishProgress(kit.bus, { ...progress, attempt: 1, percent: 90 });
    publishProgress(kit.bus, { ...progress, attempt: 2, percent: 20 });
    publishProgress(kit.bus, { ...progress, attempt: 1, percent: 95 });
    publishProgress(kit.bus, { ...progress, attempt: 2, percent: 30 });
    const events = await reader.until(({ data }) => data.percent === 30);
    expect(events.map(({ event, data }) => [event, data.percent])).toEqual([
      ['progress', 20],
      ['progress', 30],
    ]);
    expect(events[0]?.id).toBeUndefined();
    const view = (await (await get(kit.url, `/api/jobs/${job.id}`)).json()) as { status: string; progress: object };
    expect(view).toMatchObject({
      status: 'processing',
      progress: { percent: 30, stage: 'generating', step: 5, steps: 25 },
    });
  });

  it('shows what its pictures are becoming to those who watch it, and the last one at once to who comes later', async () => {
    const [job, other] = [await queued(kit.url), await queued(kit.url)];
    await worker.start(job.id);
    await worker.start(other.id);
    const [reader, reader2, stranger] = [await open(job.id), await open(job.id), await open(other.id)];
    await Promise.all([reader, reader2, stranger].map((each) => each.next()));
    publishLivePreview(kit.bus, aPreview(job.id, 0));
    const view = { job_id: job.id, attempt: 1, index: 0, media_type: 'image/webp', width: 256, height: 205 };
    for (const each of [reader, reader2]) {
      const preview = await each.next();
      expect(preview).toEqual({ event: 'preview', data: { ...view, data_url: 'data:image/webp;base64,MA==' } });
    }
    const late = await open(job.id);
    expect([await late.next(), await late.next()]).toMatchObject([{ event: 'status' }, { event: 'preview' }]);
    await worker.make(other.id, 1);
    expect(names(await stranger.rest())).not.toContain('preview');
  });

  it('shows no picture of an older attempt, of what is stored, or after the end', async () => {
    const job = await queued(kit.url);
    for (let attempt = 1; attempt <= 2; attempt++) await worker.start(job.id);
    await worker.store(job.id, 0);
    const reader = await open(job.id);
    await reader.until(({ event }) => event === 'asset');
    const told = [aPreview(job.id, 1), aPreview(job.id, 0, 2), aPreview(job.id, 1, 2), aPreview(job.id, 2)];
    for (const preview of told) publishLivePreview(kit.bus, preview);
    expect(await reader.next()).toMatchObject({ event: 'preview', data: { attempt: 2, index: 1 } });
    await worker.complete(job.id);
    publishLivePreview(kit.bus, aPreview(job.id, 3, 2));
    expect(names(await reader.rest())).toEqual(['status', 'done']);
  });

  it('ends with done when the job is cancelled, and hears no late progress', async () => {
    const job = await queued(kit.url);
    const reader = await open(job.id);
    await kit.jobs.execute(job.id, (known) => cancelJob(known, 'alice'));
    publishProgress(kit.bus, { jobId: job.id, attempt: 1, percent: 50, stage: 'generating', step: 1, steps: 2 });
    const events = await reader.rest();
    expect(names(events)).toEqual(['status', 'status', 'done']);
    expect(events.at(-1)?.data.status).toBe('cancelled');
  });

  it('misses nothing while NATS is restarted', async () => {
    const job = await queued(kit.url);
    const reader = await open(job.id);
    await reader.next();
    await worker.start(job.id);
    await worker.store(job.id, 0);
    await reader.until(({ event }) => event === 'asset');
    await kit.nats.server.restart();
    await vi.waitFor(() => worker.store(job.id, 1), { timeout: 10_000 });
    await worker.store(job.id, 2);
    await worker.complete(job.id);
    const events = await reader.rest();
    expect(indexes(events)).toEqual([1, 2]);
    expect(names(events).slice(-2)).toEqual(['status', 'done']);
  });

  it('frees everything when the client goes', async () => {
    const before = Number(await clientCount());
    const job = await queued(kit.url);
    const reader = await open(job.id);
    await reader.next();
    expect(Number(await clientCount())).toBe(before + 1);
    reader.close();
    await vi.waitFor(async () => expect(Number(await clientCount())).toBe(before));
  });

  it('frees everything of clients that leave before the first event', async () => {
    const before = Number(await clientCount());
    const job = await queued(kit.url);
    const hasty = Array.from({ length: 20 }, async (_, at) => {
      const aborter = new AbortController();
      const headers = await authorization();
      const leaving = fetch(`${kit.url}/api/jobs/${job.id}/events`, { headers, signal: aborter.signal });
      if (at % 2 === 0) await clientCount();
      aborter.abort();
      await Promise.allSettled([leaving]);
    });
    await Promise.all(hasty);
    await vi.waitFor(async () => expect(Number(await clientCount())).toBe(before));
  });

  it('with HEAD says what it would be and opens nothing', async () => {
    const before = Number(await clientCount());
    const job = await queued(kit.url);
    const headers = await authorization();
    const response = await fetch(`${kit.url}/api/jobs/${job.id}/events`, { method: 'HEAD', headers });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(Number(await clientCount())).toBe(before);
  });

  it('is ended by a gateway that stops, so that the client comes back', async () => {
    const other = await kit.startAnother();
    const job = await queued(kit.url);
    const reader = await open(job.id, {}, other.url);
    await reader.next();
    await other.stop();
    expect(await reader.next()).toBeUndefined();
  });
});
