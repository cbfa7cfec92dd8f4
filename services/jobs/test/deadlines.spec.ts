import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProcessingJob } from '#contracts/domain/job.js';
import { GENERATION_TIMEOUT_MS, MAX_DELIVERIES, WORKER_SILENCE_MS } from '#contracts/limits.js';
import { lastEventOf, passedDeadline } from '../src/deadlines/deadline.js';
import { DeadlineSweep } from '../src/deadlines/deadline-sweep.js';
import { SignsOfLife } from '../src/deadlines/signs-of-life.js';
import { JobsMetrics } from '../src/metrics.js';
import { jobsProjection } from '../src/projections/jobs.projection.js';
import { tableNames } from '../src/projections/projection.js';
import { type Fixture, openFixture, silent, startLeader, untilProjected } from './jobs-fixture.js';
import { anAsset, aRequest, makeJob, start } from './some-jobs.js';

const START = Date.parse('2026-01-01T00:00:00.000Z');

function running(attempt: number): ProcessingJob {
  const requested = aRequest();
  return {
    status: 'processing',
    requested,
    requestedAt: new Date(START).toISOString(),
    started: {
      jobId: requested.jobId,
      attempt,
      worker: 'w',
      engine: { engine: 'e', model: 'm', version: '1', device: 'd' },
    },
    startedAt: new Date(START).toISOString(),
    assets: [],
    deletedIndexes: [],
    sequence: 2,
  };
}

describe('when the generation takes longer than it may', () => {
  const now = START + GENERATION_TIMEOUT_MS + 1;
  test('and its worker is at it › generation_timeout, which may be tried again', () => {
    expect(passedDeadline(running(1), now - 1_000, now)).toMatchObject({ code: 'generation_timeout', retryable: true });
  });
  test('and its worker is silent › worker_lost', () => {
    expect(passedDeadline(running(1), now - WORKER_SILENCE_MS - 1, now)).toMatchObject({ code: 'worker_lost' });
  });
});

describe('when the worker is silent', () => {
  const now = START + WORKER_SILENCE_MS + 1;
  test('and the job has deliveries left › another worker will get it', () => {
    expect(passedDeadline(running(MAX_DELIVERIES - 1), START, now)).toBeUndefined();
  });
  test('and it has none left › worker_lost', () => {
    expect(passedDeadline(running(MAX_DELIVERIES), START, now)).toMatchObject({ code: 'worker_lost' });
  });
  test('but not for long enough › the job may go on', () => {
    expect(passedDeadline(running(MAX_DELIVERIES), START + 2, now)).toBeUndefined();
  });
});

test('an asset that was stored is a sign of life', () => {
  const job = running(1);
  const stored = { ...job, assets: [anAsset(job.requested, 0, new Date(START + 5_000).toISOString())] };
  expect(lastEventOf(stored)).toBe(START + 5_000);
});

describe('signs of life', () => {
  test('before the start nothing is known: the start counts', () => {
    expect(new SignsOfLife(100).lastOf('j', 1)).toBe(100);
  });
  test('the progress of an earlier attempt does not count', () => {
    const signs = new SignsOfLife(100);
    signs.note({ jobId: 'j', attempt: 1 }, 200);
    expect([signs.lastOf('j', 1), signs.lastOf('j', 2)]).toEqual([200, 100]);
  });
  test('old ones are forgotten', () => {
    const signs = new SignsOfLife(100);
    signs.note({ jobId: 'j', attempt: 1 }, 200);
    signs.forgetBefore(201);
    expect(signs.lastOf('j', 1)).toBe(100);
  });
});

describe('the sweep over real jobs', () => {
  let fixture: Fixture;

  beforeAll(async () => {
    fixture = await openFixture();
  });
  afterAll(async () => {
    await fixture.close();
  });

  function sweepAt(now: number, signs = new SignsOfLife(0)): DeadlineSweep {
    const { database: sql, store } = fixture;
    return new DeadlineSweep({ sql, store, signs, clock: () => now, metrics: new JobsMetrics(), log: silent });
  }

  async function project(): Promise<void> {
    const leader = startLeader(fixture);
    await untilProjected(fixture);
    await leader.stop();
  }

  test('fails what is overdue, once, and leaves the rest', async () => {
    const [overdue, finished, waiting] = [aRequest(), await makeJob(fixture.store), aRequest()];
    await fixture.store.request(overdue);
    await fixture.store.request(waiting);
    await start(fixture.store, overdue.jobId);
    await project();
    const signs = new SignsOfLife(0);
    const now = Date.now() + GENERATION_TIMEOUT_MS + 1_000;
    signs.note({ jobId: overdue.jobId, attempt: 1 }, now - 10);
    expect(await sweepAt(Date.now(), signs).sweep()).toEqual([]);
    expect(await sweepAt(now, signs).sweep()).toEqual([overdue.jobId]);
    expect(await sweepAt(now, signs).sweep()).toEqual([]);
    const failed = await fixture.store.load(overdue.jobId);
    expect(failed).toMatchObject({
      status: 'failed',
      failed: { code: 'generation_timeout', attempt: 1, retryable: true },
    });
    expect((await fixture.store.load(waiting.jobId))?.status).toBe('queued');
    expect((await fixture.store.load(finished.jobId))?.status).toBe('completed');
  });

  test('a job whose last delivery went to a worker that vanished is lost', async () => {
    const { jobId } = aRequest();
    await fixture.store.request(aRequest({ jobId }));
    for (let attempt = 1; attempt <= MAX_DELIVERIES; attempt++) await start(fixture.store, jobId);
    await project();
    expect(await sweepAt(Date.now() + WORKER_SILENCE_MS + 1_000).sweep()).toEqual([jobId]);
    expect(await fixture.store.load(jobId)).toMatchObject({ failed: { code: 'worker_lost', attempt: MAX_DELIVERIES } });
  });

  test('when the projection is behind › a newer attempt is left alone', async () => {
    const { jobId } = aRequest();
    await fixture.store.request(aRequest({ jobId }));
    await start(fixture.store, jobId);
    await project();
    await fixture.database.query(
      `update ${tableNames(jobsProjection.version)('jobs')} set started_at = now() - interval '1 day',
      state = jsonb_set(state, '{startedAt}', '"2020-01-01T00:00:00Z"') where id = $1`,
      [jobId],
    );
    await start(fixture.store, jobId);
    expect(await sweepAt(Date.now() + 1_000).sweep()).toEqual([]);
    expect((await fixture.store.load(jobId))?.status).toBe('processing');
  });
});
