import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountKeyOf } from '#contracts/ids.js';
import type { Queries } from '#contracts/queries.js';
import { get, type Kit, read, startKit } from './gateway-kit.js';

const JOB_ID = '01900000-0000-7000-8000-000000000000';
const IMAGE_ID = '01900000-0000-7000-8000-000000000001';
const REQUESTED = '2026-01-02T03:04:05.000Z';
const SETTLED = '2026-01-02T03:05:05.000Z';

let kit: Kit;
const asked: Queries['usage.list']['request'][] = [];

beforeAll(async () => {
  kit = await startKit();
});
afterAll(() => kit.close());

/** Answers as the jobs service does, and notes the questions. */
function answerUsage(): Promise<() => void> {
  const request = { userId: 'alice', jobType: 'image_fast', imageId: IMAGE_ID } as const;
  const usage = { jobId: JOB_ID, accountKey: accountKeyOf('alice'), request, requestedAt: REQUESTED, credits: 1 };
  return kit.answerQueries({
    'usage.list': (question) => {
      asked.push(question as Queries['usage.list']['request']);
      return { usage: [{ ...usage, status: 'charged', settledAt: SETTLED }], nextCursor: 'next' };
    },
  });
}

describe('GET /api/usage', () => {
  it('while nobody answers lists › 503, worth retrying', async () => {
    const response = await get(kit.url, '/api/usage');
    expect(response.status).toBe(503);
    expect(await read(response)).toMatchObject({ code: 'lists_unavailable', retryable: true });
  });

  it("tells what a job cost in the reference's fields", async () => {
    const stop = await answerUsage();
    expect(await read(get(kit.url, '/api/usage'))).toEqual({
      usage: [
        {
          user_id: 'alice',
          action: 'image_fast',
          format: 'image',
          quality: 'fast',
          credits_consumed: 1,
          metadata: {
            job_id: JOB_ID,
            project_id: null,
            image_id: IMAGE_ID,
            video_id: null,
            model_type: 'image_fast',
            model_variant: 'wan_2_1_1_3b',
            queue: 'wan_queue',
            dual_worker_routing: true,
            negative_prompt_supported: false,
            usage_timestamp: REQUESTED,
            status: 'charged',
            settled_timestamp: SETTLED,
          },
          created_at: REQUESTED,
        },
      ],
      next_cursor: 'next',
    });
    stop();
  });

  it('asks for the own account, and passes filters on', async () => {
    const stop = await answerUsage();
    await get(
      kit.url,
      '/api/usage?jobType=video_high&from=2026-01-31&to=2026-02-01T08:00:00%2B01:00&limit=7&cursor=abc',
      'bob',
    );
    expect(asked.at(-1)).toEqual({
      accountKey: accountKeyOf('bob'),
      jobType: 'video_high',
      from: '2026-01-31T00:00:00.000Z',
      to: '2026-02-01T07:00:00.000Z',
      limit: 7,
      cursor: 'abc',
    });
    stop();
  });

  it.each(['jobType=nothing', 'from=yesterday', 'from=2026-02-31', 'to=2026', 'limit=0', 'limit=101', 'cursor=%27'])(
    '?%s › 400',
    async (query) => {
      const response = await get(kit.url, `/api/usage?${query}`);
      expect(response.status).toBe(400);
      expect(await read(response)).toMatchObject({ code: 'invalid_query' });
    },
  );

  it('without a token › 401', async () => {
    expect((await fetch(`${kit.url}/api/usage`)).status).toBe(401);
  });
});
