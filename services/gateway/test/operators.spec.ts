import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DeadLettersPage, MetricsSummary, WorkersAnswer } from '#contracts/http/operations.js';
import { newJobId } from '#contracts/ids.js';
import { JOB_TYPES } from '#contracts/job-catalogue.js';
import type { ListedDeadLetter, OperationsSummary, Queries } from '#contracts/queries.js';
import { QueryRefusedError } from '#eventing/request-reply.js';
import { announceWorker } from '#eventing/workers.js';
import { quantile } from '../src/operations/metrics.js';
import { authorization, get, type Kit, queued, read, startKit } from './gateway-kit.js';

const ROUTES = ['/api/admin/workers', '/api/admin/metrics-summary', '/api/admin/dead-letters'];
const JOB_ID = newJobId();
const STARTED = '2026-01-02T03:04:05.000Z';

let kit: Kit;

beforeAll(async () => {
  kit = await startKit();
});
afterAll(() => kit.close());

async function getAs(role: string, path: string): Promise<Response> {
  return fetch(`${kit.url}${path}`, { headers: await authorization('root', { role }) });
}

const asked = <T>(path: string) => read<T>(getAs('admin', path));

describe.each(ROUTES)('GET %s', (path) => {
  it('without a token › 401', async () => {
    expect((await fetch(`${kit.url}${path}`)).status).toBe(401);
  });

  it.each(['authenticated', 'Admin', ''])('with the role `%s` › 403', async (role) => {
    const response = await getAs(role, path);
    expect(response.status).toBe(403);
    expect(await read(response)).toMatchObject({ code: 'forbidden' });
  });

  it('without a role › 403', async () => {
    expect((await get(kit.url, path)).status).toBe(403);
  });
});

describe.each(ROUTES.slice(1))('GET %s, while jobs does not answer', (path) => {
  it('503, worth retrying', async () => {
    const response = await getAs('service_role', path);
    expect(response.status).toBe(503);
    expect(await read(response)).toMatchObject({ code: 'lists_unavailable', retryable: true });
  });
});

describe('GET /api/admin/workers', () => {
  const workers = () => asked<WorkersAnswer>('/api/admin/workers');

  it('while none was heard of › none', async () => {
    const none = { workers: 0, busy: 0 };
    expect(await workers()).toEqual({ workers: [], engines: { sdxl: none, wan: none, enhancer: none } });
  });

  it('has each that was heard of, what it does, and how many there are', async () => {
    announceWorker(kit.bus, { worker: 'w2', engine: 'wan', state: 'draining', jobId: JOB_ID, startedAt: STARTED });
    announceWorker(kit.bus, { worker: 'w1', engine: 'sdxl', state: 'idle', startedAt: STARTED });
    announceWorker(kit.bus, {
      worker: 'gpu',
      engine: 'sdxl',
      state: 'busy',
      jobId: JOB_ID,
      startedAt: STARTED,
      outside: true,
    });
    const heard = { last_heard_at: expect.any(String), outside: false };
    await vi.waitFor(async () => expect((await workers()).workers).toHaveLength(3));
    expect(await workers()).toEqual({
      workers: [
        { id: 'gpu', engine: 'sdxl', state: 'busy', job_id: JOB_ID, started_at: null, ...heard, outside: true },
        { id: 'w1', engine: 'sdxl', state: 'idle', job_id: null, started_at: STARTED, ...heard },
        { id: 'w2', engine: 'wan', state: 'draining', job_id: JOB_ID, started_at: STARTED, ...heard },
      ],
      engines: { sdxl: { workers: 2, busy: 1 }, wan: { workers: 1, busy: 1 }, enhancer: { workers: 0, busy: 0 } },
    });
  });

  it('a worker that leaves › is not there any more', async () => {
    announceWorker(kit.bus, { worker: 'w1', engine: 'sdxl', state: 'leaving', startedAt: STARTED });
    await vi.waitFor(async () => expect((await workers()).engines.sdxl.workers).toBe(1));
  });
});

describe('GET /api/admin/metrics-summary', () => {
  const HOUR = { hour: '2026-01-02T03:00:00.000Z', completed: 18, failed: 2, cancelled: 5 };
  const seconds = { average: 20, median: 19, p95: 31, longest: 400 };
  const summary: OperationsSummary = {
    since: HOUR.hour,
    outcomes: [
      { jobType: 'sdxl_image_fast', outcome: 'completed', code: '', jobs: 17 },
      { jobType: 'sdxl_image_fast', outcome: 'cancelled', code: '', jobs: 5 },
      { jobType: 'sdxl_image_fast', outcome: 'failed', code: 'worker_lost', jobs: 1 },
      { jobType: 'video_fast', outcome: 'completed', code: '', jobs: 1 },
      { jobType: 'video_fast', outcome: 'failed', code: 'worker_lost', jobs: 1 },
    ],
    durations: [
      { jobType: null, phase: 'waited', seconds },
      { jobType: 'sdxl_image_fast', phase: 'waited', seconds },
      { jobType: 'sdxl_image_fast', phase: 'generated', seconds },
      { jobType: 'sdxl_image_fast', phase: 'stored', seconds: { ...seconds, average: 0.25 } },
    ],
    hours: [HOUR],
  };
  const hours: number[] = [];

  async function summarize(query = '', answer = summary): Promise<MetricsSummary> {
    const stop = await kit.answerQueries({
      'operations.summary': (question) => {
        hours.push((question as Queries['operations.summary']['request']).hours);
        return answer;
      },
    });
    const body = await asked<MetricsSummary>(`/api/admin/metrics-summary${query}`);
    stop();
    return body;
  }

  it('has figures beside their targets', async () => {
    await queued(kit.url);
    const { targets, jobs, failures, waited, since, by_hour: byHour } = await summarize();
    expect(targets).toMatchObject({
      success_rate: { actual: 0.9, target: 0.95, met: false },
      queue_wait_seconds: { actual: 400, target: 300, met: false },
      queue_depth: { target: 10, met: true },
      api_response_ms: { actual: expect.any(Number), target: 500, met: true },
    });
    expect({ jobs, failures, waited, since, byHour }).toEqual({
      jobs: { completed: 18, failed: 2, cancelled: 5 },
      failures: [{ error_code: 'worker_lost', jobs: 2 }],
      waited: seconds,
      since: HOUR.hour,
      byHour: [HOUR],
    });
  });

  it('has every job type: how its jobs ended, and its time beside that of the reference', async () => {
    const { job_types: types } = await summarize();
    expect(types.map((type) => type.job_type)).toEqual(JOB_TYPES);
    expect(types[0]).toEqual({
      job_type: 'sdxl_image_fast',
      ...{ completed: 17, failed: 1, cancelled: 5 },
      success_rate: 17 / 18,
      waited: seconds,
      generated: seconds,
      stored: { ...seconds, average: 0.25 },
      made_seconds: { actual: 20.25, target: 29.9, met: true },
    });
    expect(types[1]).toMatchObject({ success_rate: null, waited: null, made_seconds: { actual: null, met: null } });
  });

  it('has the queues as they are now', async () => {
    const { queues, targets } = await summarize();
    expect(queues).toEqual({
      sdxl_queue: { waiting: 1, processing: 0, workers: 1 },
      wan_queue: { waiting: 0, processing: 0, workers: 1 },
    });
    expect(targets.queue_depth.actual).toBe(1);
  });

  it('when nothing has ended › says of no target that it was met or missed', async () => {
    const { targets } = await summarize('', { since: HOUR.hour, outcomes: [], durations: [], hours: [] });
    expect(targets).toMatchObject({ success_rate: { actual: null, met: null }, queue_wait_seconds: { met: null } });
  });

  it('asks for a day unless the query says otherwise', async () => {
    hours.length = 0;
    for (const query of ['', '?hours=1', '?hours=720']) await summarize(query);
    expect(hours).toEqual([24, 1, 720]);
  });

  it.each(['0', '721', '-1', '1.5', 'x', '', '1e9', '1&hours=2'])('?hours=%s › 400', async (query) => {
    const response = await getAs('admin', `/api/admin/metrics-summary?hours=${query}`);
    expect(response.status).toBe(400);
    expect(await read(response)).toMatchObject({ code: 'invalid_query' });
  });
});

describe('what most answers keep within', () => {
  const buckets = (...upTo: number[]) =>
    [0.1, 0.2, Number.POSITIVE_INFINITY].map((at, n) => [at, upTo[n] ?? 0] as const);
  it.each([
    [[10, 10, 10], 0.095],
    [[0, 10, 10], 0.195],
    [[90, 100, 100], 0.15],
    [[0, 0, 10], 0.2],
    [[0, 0, 0], null],
  ])('of %j is %s', (upTo, expected) => {
    const found = quantile(buckets(...upTo), 0.95);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toBeCloseTo(expected);
  });
});

describe('GET /api/admin/dead-letters', () => {
  const letter: ListedDeadLetter = {
    at: STARTED,
    reason: 'terminated',
    consumer: 'sdxl-bulk',
    sequence: 7,
    deliveries: 1,
    detail: 'no such model',
    subject: `ourvidz.job.sdxl.bulk.requested.${JOB_ID}`,
    jobId: JOB_ID,
    jobStatus: 'failed',
    outcome: 'job_failed',
  };
  const questions: Queries['dead-letters.list']['request'][] = [];

  async function list(query = ''): Promise<DeadLettersPage> {
    const { at, reason, consumer, sequence, deliveries } = letter;
    const lost = { at, reason, consumer, sequence, deliveries, outcome: 'no_job' } as const;
    const stop = await kit.answerQueries({
      'dead-letters.list': (question) => {
        questions.push(question as Queries['dead-letters.list']['request']);
        return { letters: [letter, lost], nextCursor: '7' };
      },
    });
    const page = await asked<DeadLettersPage>(`/api/admin/dead-letters${query}`);
    stop();
    return page;
  }

  it('has what was given up, and what became of it', async () => {
    const told = { at: STARTED, reason: 'terminated', consumer: 'sdxl-bulk', sequence: 7, deliveries: 1 };
    expect(await list()).toEqual({
      dead_letters: [
        {
          ...told,
          detail: 'no such model',
          subject: letter.subject,
          job_id: JOB_ID,
          job_status: 'failed',
          outcome: 'job_failed',
        },
        { ...told, subject: null, job_id: null, job_status: null, outcome: 'no_job' },
      ],
      next_cursor: '7',
    });
  });

  it('hands pages on', async () => {
    await list('?limit=7&cursor=12');
    expect(questions.at(-1)).toEqual({ limit: 7, cursor: '12' });
  });

  it('a cursor that was not handed out › 400', async () => {
    const stop = await kit.answerQueries({
      'dead-letters.list': () => {
        throw new QueryRefusedError('invalid_cursor', 'no');
      },
    });
    expect((await getAs('admin', '/api/admin/dead-letters?cursor=abc')).status).toBe(400);
    stop();
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'cursor=%27', 'cursor='])('?%s › 400', async (query) => {
    const response = await getAs('admin', `/api/admin/dead-letters?${query}`);
    expect(response.status).toBe(400);
    expect(await read(response)).toMatchObject({ code: 'invalid_query' });
  });
});
