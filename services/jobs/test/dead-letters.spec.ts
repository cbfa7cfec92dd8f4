import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DeadLetter, runDeadLetters } from '#eventing/dead-letters.js';
import { EventingUnavailableError } from '#eventing/errors.js';
import { reject } from '#eventing/handled.js';
import type { JobStore } from '#eventing/job-store.js';
import { watchJob } from '#eventing/live.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { DeadLetterHandler, failureOf } from '../src/dead-letters/dead-letter-handler.js';
import { JobsMetrics } from '../src/metrics.js';
import { type Fixture, openFixture, silent } from './jobs-fixture.js';
import { aRequest, cancel, start } from './some-jobs.js';

function letterFor(jobId: string | undefined, over: Partial<DeadLetter> = {}): DeadLetter {
  const base = {
    reason: 'max_deliveries',
    stream: 'OURVIDZ_JOBS',
    consumer: 'sdxl-interactive',
    sequence: 1,
    deliveries: 5,
  };
  return { ...base, jobId, ...over } as DeadLetter;
}

describe('what a dead letter means to the one who asked', () => {
  test('a job that used up its deliveries may be asked for again', () => {
    expect(failureOf({ reason: 'max_deliveries' })).toMatchObject({ code: 'max_deliveries', retryable: true });
  });
  test('a rejected one says why, and need not be', () => {
    const failure = failureOf({ reason: 'terminated', detail: 'no such model' });
    expect(failure).toEqual({ code: 'rejected', message: 'no such model', retryable: false });
  });
});

describe('when a dead letter comes', () => {
  let fixture: Fixture;
  let handler: DeadLetterHandler;

  beforeAll(async () => {
    fixture = await openFixture();
    handler = new DeadLetterHandler(fixture.store, new JobsMetrics(), silent);
  });
  afterAll(async () => {
    await fixture.close();
  });

  test('its job fails, once', async () => {
    const request = aRequest();
    await fixture.store.request(request);
    await start(fixture.store, request.jobId);
    expect(await handler.handle(letterFor(request.jobId))).toEqual({ kind: 'done' });
    expect(await handler.handle(letterFor(request.jobId, { reason: 'terminated' }))).toEqual({ kind: 'done' });
    expect(await fixture.store.load(request.jobId)).toMatchObject({ failed: { code: 'max_deliveries', attempt: 1 } });
  });

  test.each(['interactive', 'bulk'])(
    'of an enhancer (%s) › its job goes on with its own prompt, once',
    async (lane) => {
      const request = aRequest({ jobType: 'video7b_fast_enhanced' });
      await fixture.store.request(request);
      const letter = letterFor(request.jobId, { consumer: `enhancer-${lane}` });
      expect(await handler.handle(letter)).toEqual({ kind: 'done' });
      expect(await handler.handle(letter)).toEqual({ kind: 'done' });
      const job = await fixture.store.load(request.jobId);
      expect(job).toMatchObject({ status: 'queued', enhanced: { skipped: 'given_up', original: request.prompt } });
      expect(await fixture.store.history(request.jobId)).toHaveLength(2);
    },
  );

  test('of a worker, of a job that was enhanced › its job fails', async () => {
    const request = aRequest({ jobType: 'video7b_fast_enhanced' });
    await fixture.store.request(request);
    await handler.handle(letterFor(request.jobId, { consumer: 'enhancer-bulk' }));
    await handler.handle(letterFor(request.jobId, { consumer: 'wan-bulk' }));
    expect(await fixture.store.load(request.jobId)).toMatchObject({
      status: 'failed',
      failed: { code: 'max_deliveries' },
    });
  });

  test('and the job has ended › nothing changes', async () => {
    const request = aRequest();
    await fixture.store.request(request);
    await cancel(fixture.store, request.jobId);
    expect(await handler.handle(letterFor(request.jobId))).toEqual({ kind: 'done' });
    expect((await fixture.store.load(request.jobId))?.status).toBe('cancelled');
  });

  test.each([undefined, aRequest().jobId])('and there is no such job (%s) › it is done with', async (jobId) => {
    expect(await handler.handle(letterFor(jobId))).toEqual({ kind: 'done' });
  });

  test('from a worker that rejected the job › the job fails with the reason', async () => {
    const { bus, store } = fixture;
    const request = aRequest();
    const stopping = new AbortController();
    const ended = new Promise((resolve) => {
      watchJob(bus, request.jobId, (event) => event.type === 'JobFailed' && resolve(event.data));
    });
    await store.request(request);
    const working = [
      runWorkSlot(bus, 'sdxl', async () => reject('the picture is too big'), stopping.signal),
      runDeadLetters(bus, (letter) => handler.handle(letter), stopping.signal),
    ];
    expect(await ended).toMatchObject({ code: 'rejected', message: 'the picture is too big', retryable: false });
    stopping.abort();
    await Promise.all(working);
  });

  test('and NATS does not answer › it comes again', async () => {
    const execute = () => Promise.reject(new EventingUnavailableError('away'));
    const away = new DeadLetterHandler({ execute } as unknown as JobStore, new JobsMetrics(), silent);
    expect(await away.handle(letterFor(aRequest().jobId))).toMatchObject({ kind: 'retryAfter' });
  });
});
