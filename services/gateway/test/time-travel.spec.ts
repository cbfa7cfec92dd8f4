import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView, QueueStatusAnswer } from '#contracts/http/answers.js';
import type { Queries } from '#contracts/queries.js';
import { authorization, type Kit, queued, read, startKit, TestWorker } from './gateway-kit.js';

const AT = '2026-01-02T03:04:05.000Z';

let kit: Kit;
let bobs: JobView;
const asked: unknown[] = [];

beforeAll(async () => {
  kit = await startKit();
  bobs = await queued(kit.url, undefined, 'bob');
  const then = await kit.jobs.load(bobs.id);
  await new TestWorker(kit.jobs, kit.folder).make(bobs.id, 6, 'bob');
  await kit.answerQueries({
    'jobs.past': (question) => {
      asked.push(question);
      return { job: question.jobId === bobs.id ? (then ?? null) : null };
    },
    'queues.past': (question) => {
      asked.push(question);
      return PAST;
    },
  });
});
afterAll(() => kit.close());

const PAST: Queries['queues.past']['answer'] = {
  queues: {
    sdxl_queue: { waiting: 6, processing: 2, workers: 2 },
    wan_queue: { waiting: 0, processing: 0, workers: 0 },
  },
  mine: { waiting: 1, processing: 0 },
  durations: { seconds: { sdxl_image_fast: 10 }, enhancementSeconds: null },
};

async function ask(path: string, role?: string): Promise<Response> {
  return fetch(`${kit.url}${path}`, { headers: await authorization('alice', role ? { role } : {}) });
}

describe('a job at a moment', () => {
  it('is shown to operators as it was, whosever it is', async () => {
    const past = await read<JobView>(ask(`/api/jobs/${bobs.id}?at=${AT}`, 'admin'));
    expect(past).toMatchObject({ id: bobs.id, user_id: 'bob', status: 'queued', progress: { stage: 'queued' } });
    expect(past).toMatchObject({ queuePosition: null, estimatedSeconds: null, metadata: { all_assets: [] } });
    expect(asked.at(-1)).toEqual({ jobId: bobs.id, at: AT });
  });

  it('that was not there yet, or never, is 404', async () => {
    for (const id of ['01900000-0000-7000-8000-000000000000', 'x']) {
      const response = await ask(`/api/jobs/${id}?at=${AT}`, 'service_role');
      expect([response.status, (await read<{ code: string }>(response)).code]).toEqual([404, 'unknown_job']);
    }
  });
});

describe('the queues at a moment', () => {
  it('have the same answer as those of now, made of what was measured then', async () => {
    const answer = await read<QueueStatusAnswer>(ask('/api/queue-status?at=2026-01-02', 'admin'));
    expect(asked.at(-1)).toMatchObject({ at: '2026-01-02T00:00:00.000Z' });
    expect(answer).toMatchObject({ queueDepth: 8, mine: PAST.mine });
    expect(answer.queues.sdxl_queue).toEqual({
      ...PAST.queues.sdxl_queue,
      averageSeconds: 10,
      estimatedWaitSeconds: 35,
    });
  });
});

describe.each([`/api/jobs/01900000-0000-7000-8000-000000000000`, '/api/queue-status'])('%s?at=', (path) => {
  it('is not for users, not even for their own', async () => {
    const response = await ask(`${path}?at=${AT}`);
    expect([response.status, (await read<{ code: string }>(response)).code]).toEqual([403, 'forbidden']);
  });

  it.each(['yesterday', '2026-13-01', '2999-01-01T00:00:00Z', '2026-01-01T00:00:00', ''])('`%s` is 400', async (at) => {
    const response = await ask(`${path}?at=${at}`, 'admin');
    expect([response.status, (await read<{ code: string }>(response)).code]).toEqual([400, 'invalid_query']);
  });
});
