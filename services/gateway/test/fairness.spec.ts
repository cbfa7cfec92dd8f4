import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Delivery } from '#eventing/delivery.js';
import { done } from '#eventing/handled.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { type Kit, queued, startKit, WISH } from './gateway-kit.js';

const JOBS = 200;

let kit: Kit;
beforeAll(async () => {
  kit = await startKit({ SERVED_ROUTES: 'sdxl' });
});
afterAll(() => kit?.close());

it('while one user has 200 jobs waiting › the first job of another one is the next that a worker takes', async () => {
  await queued(kit.url, WISH, 'alice');
  await Promise.all(Array.from({ length: JOBS - 1 }, () => queued(kit.url, WISH, 'alice')));
  const taken: string[] = [];
  const stop = new AbortController();
  const handle = async (delivery: Delivery) => {
    const event = delivery.event();
    taken.push(event?.type === 'JobRequested' ? event.data.userId : '?');
    // The worker has the seventh of alice's jobs in hand when bob comes.
    if (taken.length === 7) await queued(kit.url, WISH, 'bob');
    if (taken.length === 9) stop.abort();
    return done();
  };
  await runWorkSlot(kit.bus, 'sdxl', handle, stop.signal);
  expect(taken).toEqual([...Array(7).fill('alice'), 'bob', 'alice']);
});
