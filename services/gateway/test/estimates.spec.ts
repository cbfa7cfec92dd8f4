import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { JobView, QueueStatusAnswer } from '#contracts/http/answers.js';
import { done } from '#eventing/handled.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { EventReader } from './event-reader.js';
import { get, type Kit, post, queued, read, startKit, TestWorker, WISH } from './gateway-kit.js';

let kit: Kit;
beforeAll(async () => {
  kit = await startKit({ SERVED_ROUTES: 'sdxl' });
});
afterAll(() => kit?.close());

const jobOf = (id: string, userId: string) => read<JobView>(get(kit.url, `/api/jobs/${id}`, userId));

async function averageAt(url: string): Promise<number> {
  const { queues } = await read<QueueStatusAnswer>(get(url, '/api/queue-status'));
  return queues.sdxl_queue.averageSeconds;
}

describe('a waiting job', () => {
  it('stands behind all interactive ones when its user has others, and is told when it moves on', async () => {
    const jobs = [];
    for (let n = 0; n < 3; n += 1) jobs.push(await queued(kit.url, WISH, 'alice'));
    expect(jobs.map(({ queuePosition }) => queuePosition)).toEqual([1, 2, 3]);
    const bobs = await queued(kit.url, WISH, 'bob');
    expect(bobs.queuePosition).toBe(2);
    const last = jobs.at(-1)?.id ?? '';
    const behind = await jobOf(last, 'alice');
    expect(behind.queuePosition).toBe(4);
    expect(behind.estimatedSeconds).toBeGreaterThan(bobs.estimatedSeconds ?? 0);

    const reader = await EventReader.open(kit.url, last, { userId: 'alice' });
    expect((await reader.next())?.data).toMatchObject({ queuePosition: 4 });
    await takeJobs(3);
    const moved = await reader.until(({ data }) => data.queuePosition === 1);
    expect(moved.at(-1)).toMatchObject({ event: 'status', data: { status: 'queued' } });
    expect(moved.at(-1)?.id).toBeUndefined();
    await new TestWorker(kit.jobs, kit.folder).start(last);
    expect((await reader.next())?.data).toMatchObject({ status: 'processing', queuePosition: null });
    reader.close();
    await takeJobs(1);
  });
});

describe('estimates', () => {
  it('start from the reference’s times, then from the log’s, then follow what any worker makes', async () => {
    expect(await averageAt(kit.url)).toBeCloseTo((29.9 + 42.4) / 2, 0);
    const stop = await kit.answerQueries({
      'queue.durations': () => ({ seconds: { sdxl_image_fast: 12 }, enhancementSeconds: null }),
    });
    const other = await kit.startAnother();
    await vi.waitFor(async () => expect(await averageAt(other.url)).toBe(12), 3_000);
    const { id } = await queued(kit.url, WISH, 'carol');
    await new TestWorker(kit.jobs, kit.folder).make(id, 6, 'carol');
    // 2.01 s on the worker: the first measured here, and a fifth of the way from 12 there.
    await vi.waitFor(async () => expect(await averageAt(kit.url)).toBe(2), 3_000);
    await vi.waitFor(async () => expect(await averageAt(other.url)).toBe(10), 3_000);
    stop();
  });
});

describe('a full queue', () => {
  it('says when there should be room, and so does an own limit', async () => {
    const small = await kit.startAnother({ MAX_QUEUE_DEPTH: '1' });
    const own = await kit.startAnother({ MAX_QUEUED_PER_USER: '1' });
    await queued(kit.url, WISH, 'dave');
    await vi.waitFor(async () => expect((await post(small.url, WISH, 'erin')).status).toBe(503), 3_000);
    for (const [url, status, code] of [
      [small.url, 503, 'queue_full'],
      [own.url, 429, 'own_queue_limit'],
    ] as const) {
      const response = await post(url, WISH, 'dave');
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ code, retryable: true });
      const seconds = Number(response.headers.get('retry-after'));
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds).toBeLessThanOrEqual(600);
    }
  });
});

/** Takes jobs out of the queue as a worker does. */
async function takeJobs(count: number): Promise<void> {
  const stop = new AbortController();
  let taken = 0;
  const handle = async () => {
    taken += 1;
    if (taken === count) stop.abort();
    return done();
  };
  await runWorkSlot(kit.bus, 'sdxl', handle, stop.signal);
}
