import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '#contracts/domain/job.js';
import { failJob } from '#contracts/domain/job-decisions.js';
import type { EventType } from '#contracts/events/registry.js';
import type { OperationsSummary } from '#contracts/queries.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { reject } from '#eventing/handled.js';
import { watchJob } from '#eventing/live.js';
import { ask, QueryRefusedError } from '#eventing/request-reply.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import type { LoggedEvent } from '../src/event-log/logged-event.js';
import { JobsProcess } from '../src/jobs-process.js';
import { tableNames } from '../src/projections/projection.js';
import {
  BUCKET_RATIO,
  bucketOf,
  endsIn,
  queueStatisticsProjection,
} from '../src/projections/queue-statistics.projection.js';
import { outcomeOf } from '../src/queries/dead-letter-lists.js';
import { DURATIONS, HOURS, OUTCOMES, operationsSummary } from '../src/queries/operations-summary.js';
import { type Fixture, openFixture, silent, untilProjected } from './jobs-fixture.js';
import { aRequest, cancel, makeJob, start } from './some-jobs.js';

const { jobId } = aRequest();
const NOW = Date.parse('2026-03-01T12:30:00.000Z');
const named = tableNames(queueStatisticsProjection.version);
const timings = { waitedMs: 2_000, generatedMs: 20_000, storedMs: 100 };

interface Told {
  readonly type: EventType;
  readonly data: object;
  readonly time?: string;
}

/** At positions 1, 2, …, in the first hour of 2026 unless they say otherwise. */
function log<T extends EventType>(...events: readonly Told[]): LoggedEvent<T>[] {
  return events.map((event, index) => ({
    ...{ time: '2026-01-01T00:59:59.999Z', position: index + 1, subjectId: jobId, ...event },
  })) as unknown as LoggedEvent<T>[];
}

const completed = (id = jobId) => ({ type: 'JobCompleted', data: { jobId: id, timings } }) as const;
const failed = (id = jobId) => ({ type: 'JobFailed', data: { jobId: id, code: 'worker_lost' } }) as const;
const requested = (id = jobId, jobType = 'video_fast') =>
  ({ type: 'JobRequested', data: { jobId: id, jobType } }) as const;

describe('how jobs ended', () => {
  test('given a completed job › its hour and its times', () => {
    expect([...endsIn(log(completed()))]).toEqual([
      [jobId, { hour: '2026-01-01T00:00:00.000Z', outcome: 'completed', code: '', timings }],
    ]);
  });

  test('given a failed job › the code, and no times', () => {
    expect(endsIn(log(failed())).get(jobId)).toEqual({
      ...{ hour: '2026-01-01T00:00:00.000Z', outcome: 'failed', code: 'worker_lost' },
    });
  });

  test('given two ends of one job › the first', () => {
    const ends = endsIn(log({ type: 'JobCancelled', data: { jobId } }, completed()));
    expect([...ends.values()].map(({ outcome }) => outcome)).toEqual(['cancelled']);
  });

  test('given a request alone › none', () => {
    expect(endsIn(log(requested())).size).toBe(0);
  });
});

describe('the bucket of a duration', () => {
  test.each([1, 7, 1_000, 29_900, 251_500, 900_000, 86_400_000])('%i ms is told within 5%%', (ms) => {
    expect(Math.abs(BUCKET_RATIO ** bucketOf(ms) / ms - 1)).toBeLessThan(0.05);
  });
  test('nothing is in the first one', () => {
    expect(bucketOf(0)).toBe(0);
  });
});

describe('what became of a dead letter', () => {
  const worn = { consumer: 'wan-bulk', reason: 'max_deliveries' } as const;
  const ofEnhancer = { consumer: 'enhancer-bulk', reason: 'max_deliveries' } as const;
  const skipped = { skipped: 'given_up' };
  const failure = { status: 'failed', failed: { code: 'max_deliveries' } };
  test.each([
    ['no_job', undefined, worn],
    ['pending', { status: 'processing' }, worn],
    ['pending', { status: 'queued' }, ofEnhancer],
    ['job_failed', failure, worn],
    ['job_failed', { status: 'failed', failed: { code: 'rejected' } }, { ...worn, reason: 'terminated' }],
    ['ended_otherwise', { status: 'failed', failed: { code: 'worker_lost' } }, worn],
    ['ended_otherwise', { status: 'cancelled' }, worn],
    ['enhancement_skipped', { status: 'queued', enhanced: skipped }, ofEnhancer],
    ['enhancement_skipped', { ...failure, enhanced: skipped }, ofEnhancer],
    ['job_failed', { ...failure, enhanced: skipped }, worn],
    ['pending', { status: 'queued', enhanced: skipped }, worn],
    ['ended_otherwise', { status: 'queued', enhanced: { enhanced: {} } }, ofEnhancer],
  ] as const)('%s, given a job %j and a letter %j', (expected, job, letter) => {
    expect(outcomeOf(job as unknown as Job | undefined, letter)).toBe(expected);
  });
});

describe('the hourly tables', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await openFixture();
  });
  afterAll(() => fixture.close());

  const apply = (...events: readonly Told[]) =>
    fixture.database.transaction((tx) => queueStatisticsProjection.apply(tx, named, log(...events)));
  const outcomes = () =>
    fixture.database.query(`select outcome, jobs from ${named('hourly_outcomes')} order by job_type, outcome`);
  const durations = () =>
    fixture.database.query(
      `select phase, jobs, total_ms, longest_ms from ${named('hourly_durations')} order by phase, bucket`,
    );

  test('given jobs over several batches › each is counted in its hour, once', async () => {
    const [other, unknown] = [aRequest().jobId, aRequest().jobId];
    await apply(requested(), requested(other));
    const ends = [completed(), failed(other), completed(unknown)];
    await apply(...ends);
    expect(await outcomes()).toEqual([
      { outcome: 'completed', jobs: 1 },
      { outcome: 'failed', jobs: 1 },
    ]);
    const once = [await outcomes(), await durations()];
    await apply(requested(), requested(other), ...ends);
    await apply(failed(), completed(other));
    expect([await outcomes(), await durations()]).toEqual(once);
    expect(once[1]).toEqual([
      { phase: 'generated', jobs: 1, total_ms: 20_000, longest_ms: 20_000 },
      { phase: 'stored', jobs: 1, total_ms: 100, longest_ms: 100 },
      { phase: 'waited', jobs: 1, total_ms: 2_000, longest_ms: 2_000 },
    ]);
  });

  test('given jobs of the same length in an hour › one row of each phase holds them', async () => {
    const ids = Array.from({ length: 20 }, () => aRequest().jobId);
    const time = '2026-01-05T01:00:00.000Z';
    await apply(...ids.map((id) => requested(id)), ...ids.map((id) => ({ ...completed(id), time })));
    const rows = await fixture.database.query(
      `select jobs, total_ms from ${named('hourly_durations')} where hour = $1 and phase = 'generated'`,
      [time],
    );
    expect(rows).toEqual([{ jobs: 20, total_ms: 400_000 }]);
  });

  describe('operations.summary', () => {
    const summary = (hours: number): Promise<OperationsSummary> => operationsSummary(fixture.database, hours, NOW);

    beforeAll(async () => {
      const jobs = Array.from({ length: 100 }, (_, n) => ({ id: aRequest().jobId, n }));
      const ends = jobs.map(({ id, n }) => {
        const took = { waitedMs: (n + 1) * 1_000, generatedMs: 20_000, storedMs: 0 };
        return { type: 'JobCompleted', data: { jobId: id, timings: took }, time: '2026-03-01T12:10:00.000Z' } as const;
      });
      const early = aRequest().jobId;
      const before = aRequest().jobId;
      await apply(...jobs.map(({ id, n }) => requested(id, n < 50 ? 'image_fast' : 'image_high')));
      await apply(requested(early), requested(before), ...ends);
      await apply(
        { ...failed(early), time: '2026-03-01T11:00:00.000Z' },
        { ...failed(before), time: '2026-03-01T10:59:59.999Z' },
      );
    });

    test('has the ends of whole hours, the one that has begun included', async () => {
      const { since, outcomes: ended } = await summary(2);
      expect(since).toBe('2026-03-01T11:00:00.000Z');
      expect(ended).toEqual([
        { jobType: 'image_fast', outcome: 'completed', code: '', jobs: 50 },
        { jobType: 'image_high', outcome: 'completed', code: '', jobs: 50 },
        { jobType: 'video_fast', outcome: 'failed', code: 'worker_lost', jobs: 1 },
      ]);
    });

    test('has every hour, newest first, also those in which nothing ended', async () => {
      const none = { completed: 0, failed: 0, cancelled: 0 };
      expect((await summary(4)).hours).toEqual([
        { hour: '2026-03-01T12:00:00.000Z', ...none, completed: 100 },
        { hour: '2026-03-01T11:00:00.000Z', ...none, failed: 1 },
        { hour: '2026-03-01T10:00:00.000Z', ...none, failed: 1 },
        { hour: '2026-03-01T09:00:00.000Z', ...none },
      ]);
    });

    test('has times by job type and phase, and of all', async () => {
      const found = (await summary(1)).durations;
      const of = (jobType: string | null, phase: string) =>
        found.find((duration) => duration.jobType === jobType && duration.phase === phase)?.seconds;
      const near = (seconds: number) => ({ asymmetricMatch: (x: number) => Math.abs(x / seconds - 1) < 0.05 });
      expect(of(null, 'waited')).toEqual({ average: 50.5, median: near(50), p95: near(95), longest: 100 });
      expect(of('image_fast', 'waited')).toEqual({ average: 25.5, median: near(25), p95: near(48), longest: 50 });
      expect(of('image_high', 'generated')).toEqual({ average: 20, median: near(20), p95: near(20), longest: 20 });
      expect(of('image_high', 'stored')).toEqual({ average: 0, median: 0, p95: 0, longest: 0 });
      expect(found).toHaveLength(9);
    });

    test('of a time in which nothing ended is empty', async () => {
      const later = await operationsSummary(fixture.database, 1, NOW + 86_400_000);
      expect(later).toMatchObject({ outcomes: [], durations: [], hours: [{ completed: 0 }] });
    });

    test.each([
      ['outcomes', OUTCOMES],
      ['hours', HOURS],
      ['durations', DURATIONS],
    ])('%s: of a day among a year, its rows are read by an index', async (_name, text) => {
      await fixture.database.query(`insert into ${named('hourly_outcomes')}
        select timestamptz '2027-01-01' + n * interval '1 hour', 'image_fast', 'completed', '', n
          from generate_series(1, 8760) n on conflict do nothing`);
      await fixture.database.query(`insert into ${named('hourly_durations')}
        select timestamptz '2027-01-01' + n * interval '1 hour', 'image_fast', 'waited', bucket, 1, 1, 1
          from generate_series(1, 8760) n, generate_series(80, 84) bucket on conflict do nothing`);
      await fixture.database.query('analyze');
      const rows = await fixture.database.query<{ 'QUERY PLAN': string }>(`explain (analyze, costs off) ${text}`, [
        '2027-12-31T01:00:00Z',
      ]);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).not.toContain('Seq Scan');
      expect(plan).toContain('Index Cond: (hour >=');
      expect(Math.max(...[...plan.matchAll(/Index.*?rows=(\d+)/g)].map(([, read]) => Number(read)))).toBeLessThan(200);
    });
  });
});

describe('over the wire', () => {
  let fixture: Fixture;
  let service: JobsProcess;
  let asker: Bus;

  beforeAll(async () => {
    fixture = await openFixture();
    const { natsUrl, databaseUrl } = fixture;
    asker = await connectBus({ url: natsUrl, service: 'gateway', log: silent });
    const streams = { replicas: 1, jobStreamMaxBytes: 512 * 1024 * 1024, accountStreamMaxBytes: 64 * 1024 * 1024 };
    service = new JobsProcess({ nats: { url: natsUrl }, databaseUrl, streams, logLevel: 'silent' }, silent);
    await service.start();
  });
  afterAll(async () => {
    await service.stop();
    await asker.close();
    await fixture.close();
  });

  describe('dead-letters.list', () => {
    const list = (limit: number, cursor?: string) => ask(asker, 'dead-letters.list', { limit, cursor });

    /** Resolves when the dead letter of a job has become something. */
    const dealtWithOf = (id: string) =>
      new Promise<void>((resolve) => {
        const types: readonly EventType[] = ['PromptEnhanced', 'JobFailed'];
        watchJob(fixture.bus, id, (event) => types.includes(event.type) && resolve());
      });

    test('while there is none › is empty', async () => {
      expect(await list(10)).toEqual({ letters: [], nextCursor: null });
    });

    test('has what workers rejected, newest first, by pages, with what became of it', async () => {
      const enhanced = aRequest({ jobType: 'video7b_fast_enhanced' });
      const rejected = [aRequest(), aRequest(), aRequest(), aRequest()];
      const stopping = new AbortController();
      const working = [
        runWorkSlot(fixture.bus, 'sdxl', async () => reject('the picture is too big'), stopping.signal),
        runWorkSlot(fixture.bus, 'enhancer', async () => reject('not today'), stopping.signal),
      ];
      const dealtWith = [enhanced, ...rejected].map(({ jobId }) => dealtWithOf(jobId));
      await fixture.bus.flushed();
      await fixture.store.request(enhanced);
      await dealtWith[0];
      for (const request of rejected) await fixture.store.request(request);
      await Promise.all(dealtWith);
      stopping.abort();
      await Promise.all(working);
      await untilProjected(fixture);

      const first = await list(3);
      const second = await list(3, first.nextCursor ?? '');
      const ids = [...first.letters, ...second.letters].map((letter) => letter.jobId);
      expect(ids).toEqual([...rejected.map((request) => request.jobId).reverse(), enhanced.jobId]);
      expect([first.letters.length, second.nextCursor]).toEqual([3, null]);
      expect(first.letters[0]).toMatchObject({
        ...{ reason: 'terminated', consumer: 'sdxl-interactive', deliveries: 1, detail: 'the picture is too big' },
        ...{ jobStatus: 'failed', outcome: 'job_failed', at: expect.stringMatching(/^\d{4}-.*Z$/) },
        subject: `ourvidz.job.sdxl.interactive.requested.${rejected[3]?.jobId}`,
      });
      expect(second.letters[1]).toMatchObject({ jobStatus: 'queued', outcome: 'enhancement_skipped' });
      expect((await list(100)).letters).toHaveLength(5);
    });

    test('beyond the last page › is empty', async () => {
      expect(await list(10, '1')).toEqual({ letters: [], nextCursor: null });
    });

    test.each(['0', 'abc', '-1', '1.5', ''])('the cursor `%s` › is refused', async (cursor) => {
      await expect(list(10, cursor)).rejects.toThrow(QueryRefusedError);
    });
  });

  test('operations.summary tells of jobs that have just ended', async () => {
    await makeJob(fixture.store);
    const [refused, waiting] = [aRequest({ jobType: 'sdxl_image_high' }), aRequest()];
    for (const request of [refused, waiting]) await fixture.store.request(request);
    await start(fixture.store, refused.jobId);
    const failure = { code: 'engine_failed', message: 'no', retryable: true };
    await fixture.store.execute(refused.jobId, (job) => failJob(job, failure));
    await cancel(fixture.store, waiting.jobId);
    await untilProjected(fixture);
    const { outcomes, durations, hours } = await ask(asker, 'operations.summary', { hours: 2 });
    expect(outcomes).toEqual([
      { jobType: 'sdxl_image_fast', outcome: 'failed', code: 'rejected', jobs: 4 },
      { jobType: 'sdxl_image_fast', outcome: 'cancelled', code: '', jobs: 1 },
      { jobType: 'sdxl_image_fast', outcome: 'completed', code: '', jobs: 1 },
      { jobType: 'sdxl_image_high', outcome: 'failed', code: 'engine_failed', jobs: 1 },
    ]);
    expect(durations).toHaveLength(6);
    expect(hours).toHaveLength(2);
  });
});
