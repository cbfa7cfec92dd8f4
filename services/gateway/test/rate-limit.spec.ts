import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ErrorBody } from '#contracts/http/error-codes.js';
import { EVENT_STREAMS_MAX } from '#contracts/limits.js';
import { authorization, get, type Kit, queued, read, startKit } from './gateway-kit.js';

const LIMIT = 20;

let kit: Kit;
let other: string;
beforeAll(async () => {
  kit = await startKit({ RATE_LIMIT: String(LIMIT) });
  other = (await kit.startAnother()).url;
});
afterAll(() => kit?.close());

/** A request that needs nothing but a token. */
const ask = (url: string, userId: string) => get(url, '/api/jobs/none', userId);

/** Asks until it is asked to wait; tells how many requests were let through before. */
async function untilLimited(url: string, userId: string): Promise<{ passed: number; response: Response }> {
  for (let passed = 0; ; passed += 1) {
    const response = await ask(url, userId);
    if (response.status === 429) return { passed, response };
    expect(response.status).toBe(404);
    await response.body?.cancel();
  }
}

describe('a user who asks too often', () => {
  it('is told how long to wait, at every gateway', async () => {
    const { passed, response } = await untilLimited(kit.url, 'alice');
    expect(passed).toBe(LIMIT);
    const body = await read<ErrorBody>(response);
    expect(body).toMatchObject({ success: false, code: 'rate_limited', retryable: true });
    const retryAfter = Number(response.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThanOrEqual(1);
    expect(retryAfter).toBeLessThanOrEqual(120);
    expect(response.headers.get('access-control-expose-headers')).toContain('Retry-After');
    // The second gateway hears of it without being asked.
    await vi.waitFor(async () => expect((await ask(other, 'alice')).status).toBe(429), 2_000);
  });

  it('who asks at two gateways in turn gets little more than the limit', async () => {
    const counts = await Promise.all([untilLimited(kit.url, 'bob'), untilLimited(other, 'bob')]);
    const together = counts.reduce((sum, { passed }) => sum + passed, 0);
    expect(together).toBeGreaterThanOrEqual(LIMIT);
    expect(together).toBeLessThanOrEqual(2 * LIMIT);
    for (const url of [kit.url, other]) {
      await vi.waitFor(async () => expect((await ask(url, 'bob')).status).toBe(429), 2_000);
    }
  });

  it('does not slow down anybody else, and may still see what is public', async () => {
    await untilLimited(kit.url, 'carol');
    expect((await ask(kit.url, 'dave')).status).toBe(404);
    const headers = await authorization('carol');
    expect((await fetch(`${kit.url}/api/job-types`, { headers })).status).toBe(200);
    expect((await fetch(`${kit.url}/health/live`, { headers })).status).toBe(200);
  });

  it('may go on watching a job', async () => {
    const { id } = await queued(kit.url, undefined, 'erin');
    await untilLimited(kit.url, 'erin');
    const stream = await get(kit.url, `/api/jobs/${id}/events`, 'erin');
    expect(stream.status).toBe(200);
    await stream.body?.cancel();
  });
});

describe('a user who watches too much', () => {
  it('is told to wait until a stream is closed', async () => {
    const { id } = await queued(kit.url, undefined, 'frank');
    const watch = () => get(kit.url, `/api/jobs/${id}/events`, 'frank');
    const streams = await Promise.all(Array.from({ length: EVENT_STREAMS_MAX }, watch));
    expect(streams.every(({ status }) => status === 200)).toBe(true);
    const refused = await watch();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('10');
    expect(await read<ErrorBody>(refused)).toMatchObject({ code: 'rate_limited', retryable: true });
    await streams[0]?.body?.cancel();
    await vi.waitFor(async () => {
      const again = await watch();
      streams.push(again);
      expect(again.status).toBe(200);
    }, 2_000);
    await Promise.all(streams.slice(1).map((stream) => stream.body?.cancel()));
  });
});

describe('without NATS', () => {
  it('each gateway limits alone', async () => {
    const alone = await startKit({ RATE_LIMIT: String(LIMIT) });
    await alone.nats.server.kill();
    expect((await untilLimited(alone.url, 'alice')).passed).toBe(LIMIT);
    await alone.nats.server.restart();
    await alone.close();
  });
});
