import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evolve, foldJob, isEnded, isFavorite, type Job, liveAssets, promptOf } from '#contracts/domain/job.js';
import {
  cancelJob,
  completeJob,
  type Decision,
  deleteAsset,
  enhancePrompt,
  failJob,
  favoriteAsset,
  requestJob,
  startJob,
  storeAsset,
} from '#contracts/domain/job-decisions.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import { asset, ENGINE, FAILURE, historyOf, JOB_ID, REQUEST, TIMINGS, time } from './a-history.js';

type Given = Job | undefined;
const request = (job: Given) => requestJob(job, REQUEST);
const start = (job: Given) => startJob(job, { worker: 'w1', engine: ENGINE });
const store =
  (index: number, attempt = 1) =>
  (job: Given) =>
    storeAsset(job, attempt, asset(index));
const complete =
  (attempt = 1) =>
  (job: Given) =>
    completeJob(job, { attempt, timings: TIMINGS, engine: ENGINE, missing: [], urlOf: (key) => `http://h/${key}` });
const fail =
  (attempt?: number) =>
  (job: Given): Decision =>
    failJob(job, FAILURE, attempt);
const ENHANCED = { enhanced: { text: 'a lighthouse at dawn, mist over the sea' }, model: 'm', durationMs: 5 };
const enhance = (job: Given) => enhancePrompt(job, ENHANCED);
const skip = (job: Given) => enhancePrompt(job, { skipped: 'timeout', model: 'm', durationMs: 5 });
const cancel = (job: Given) => cancelJob(job, 'alice');
const remove = (index: number) => (job: Given) => deleteAsset(job, index, 'alice');

const like =
  (index: number, favorite = true) =>
  (job: Given) =>
    favoriteAsset(job, index, favorite, 'alice');

const none = undefined;
const queued = historyOf(request).job;
const enhanced = historyOf(request, enhance).job;
const skipped = historyOf(request, skip).job;
const running = historyOf(request, start).job;
const second = historyOf(request, start, store(0), start).job;
const withAssets = historyOf(request, start, store(2), store(0)).job;
const completed = historyOf(request, start, store(0), store(1), complete()).job;
const failed = historyOf(request, fail()).job;
const cancelled = historyOf(request, cancel).job;

const refuses = (reason: string) => ({ decided: 'refuse', reason });
const yields = (type: string, data: object = {}) => ({ decided: 'append', event: { type, data } });

describe('deciding', () => {
  it.each([
    ['none', none, 'request', request, yields('JobRequested', REQUEST)],
    ['queued', queued, 'request', request, refuses('already_exists')],
    ['cancelled', cancelled, 'request', request, refuses('already_exists')],
    ['none', none, 'enhance', enhance, refuses('unknown_job')],
    ['queued', queued, 'enhance', enhance, yields('PromptEnhanced', { original: REQUEST.prompt, ...ENHANCED })],
    ['queued', queued, 'skip the enhancement', skip, yields('PromptEnhanced', { skipped: 'timeout' })],
    ['enhanced', enhanced, 'enhance', enhance, refuses('already_enhanced')],
    ['enhanced', enhanced, 'start', start, yields('JobStarted', { attempt: 1 })],
    ['skipped', skipped, 'enhance', enhance, refuses('already_enhanced')],
    ['running', running, 'enhance', enhance, refuses('already_enhanced')],
    ['cancelled', cancelled, 'enhance', enhance, refuses('already_ended')],
    ['none', none, 'start', start, refuses('unknown_job')],
    ['queued', queued, 'start', start, yields('JobStarted', { attempt: 1, worker: 'w1' })],
    ['running', running, 'start', start, yields('JobStarted', { attempt: 2 })],
    ['completed', completed, 'start', start, refuses('already_ended')],
    ['cancelled', cancelled, 'start', start, refuses('already_ended')],
    ['none', none, 'store an asset', store(0), refuses('unknown_job')],
    ['queued', queued, 'store an asset', store(0), refuses('stale_attempt')],
    ['running', running, 'store an asset', store(3), yields('AssetStored', { attempt: 1, assets: [asset(3)] })],
    [
      'running with 0 and 2',
      withAssets,
      'store asset 1',
      store(1),
      yields('AssetStored', { assets: [asset(0), asset(1), asset(2)] }),
    ],
    [
      'running with 0 and 2',
      withAssets,
      'store asset 2 again',
      store(2),
      yields('AssetStored', { assets: [asset(0), asset(2)] }),
    ],
    ['running a second time', second, 'store by the first', store(1, 1), refuses('stale_attempt')],
    [
      'running a second time',
      second,
      'store by the second',
      store(1, 2),
      yields('AssetStored', { attempt: 2, assets: [asset(0), asset(1)] }),
    ],
    ['failed', failed, 'store an asset', store(0), refuses('already_ended')],
    ['running', running, 'complete', complete(), refuses('no_assets')],
    [
      'running with assets',
      withAssets,
      'complete',
      complete(),
      yields('JobCompleted', { primaryAsset: `http://h/${asset(0).key}` }),
    ],
    ['running a second time', second, 'complete by the first', complete(1), refuses('stale_attempt')],
    ['running a second time', second, 'complete by the second', complete(2), yields('JobCompleted', { attempt: 2 })],
    ['cancelled', cancelled, 'complete', complete(), refuses('already_ended')],
    ['none', none, 'fail', fail(), refuses('unknown_job')],
    ['queued', queued, 'fail', fail(), yields('JobFailed', FAILURE)],
    ['running', running, 'fail without an attempt', fail(), yields('JobFailed', { attempt: 1 })],
    ['running a second time', second, 'fail by the first', fail(1), refuses('stale_attempt')],
    ['completed', completed, 'fail', fail(), refuses('already_ended')],
    ['queued', queued, 'cancel', cancel, yields('JobCancelled', { cancelledBy: 'alice' })],
    ['running', running, 'cancel', cancel, yields('JobCancelled', { jobId: JOB_ID })],
    ['completed', completed, 'cancel', cancel, refuses('already_ended')],
    ['none', none, 'cancel', cancel, refuses('unknown_job')],
    [
      'completed',
      completed,
      'delete asset 1',
      remove(1),
      yields('AssetDeleted', { assetId: asset(1).id, key: asset(1).key }),
    ],
    ['completed', completed, 'delete asset 5', remove(5), refuses('unknown_asset')],
    ['none', none, 'delete an asset', remove(0), refuses('unknown_job')],
  ])('when $0 › $2 $4', (_given, given, _when, decide, then) => {
    expect((decide as (job: Given) => unknown)(given)).toMatchObject(then);
  });

  it('when an asset is deleted › deleting it again is refused', () => {
    const { job } = historyOf(request, start, store(0), remove(0));
    expect(remove(0)(job)).toEqual(refuses('unknown_asset'));
  });
});

describe('folding', () => {
  it.each([
    ['queued', queued, REQUEST.prompt.text],
    ['enhanced', enhanced, ENHANCED.enhanced.text],
    ['skipped', skipped, REQUEST.prompt.text],
  ])('when %s › the prompt to use is known, and the job waits', (_, job, prompt) => {
    if (!job) throw new Error('no job');
    expect(promptOf(job)).toBe(prompt);
    expect(job.status).toBe('queued');
  });

  it('nothing, or what has no request › is no job', () => {
    expect(foldJob([])).toBeUndefined();
    expect(foldJob(historyOf(request, start, store(0)).events.slice(1))).toBeUndefined();
  });

  it('a whole history › tells all of it', () => {
    const { events } = historyOf(request, start, store(1), store(0), complete(), remove(1));
    const job = foldJob(events);
    expect(job).toMatchObject({
      status: 'completed',
      requestedAt: time(1),
      startedAt: time(2),
      endedAt: time(5),
      assets: [{ index: 0 }, { index: 1 }],
      deletedIndexes: [1],
      sequence: 5,
    });
    expect(job && liveAssets(job).map(({ index }) => index)).toEqual([0]);
  });

  it('favourites › are the assets that were marked last, and only where there is one', () => {
    const made = [request, start, store(0), store(1), store(2), complete()];
    const { job, events } = historyOf(...made, like(2), like(0), like(1), like(1), like(1, false), like(5), remove(0));
    expect(job?.favoriteIndexes).toEqual([0, 2]);
    expect(events.filter(({ type }) => type === 'AssetFavorited')).toHaveLength(4);
    expect([0, 1, 2].map((at) => job && isFavorite(job, at))).toEqual([true, false, true]);
    expect(favoriteAsset(job, 0, false, 'alice')).toEqual({ decided: 'refuse', reason: 'unknown_asset' });
    expect(favoriteAsset(job, 2, true, 'alice')).toEqual({ decided: 'refuse', reason: 'unchanged' });
    expect(favoriteAsset(undefined, 2, true, 'alice')).toEqual({ decided: 'refuse', reason: 'unknown_job' });
  });

  it('a prompt that was enhanced › keeps both', () => {
    const data = { jobId: JOB_ID, original: REQUEST.prompt, enhanced: { text: 'more' }, model: 'm', durationMs: 1 };
    const enhance = (): Decision => ({ decided: 'append', event: { type: 'PromptEnhanced', data } });
    expect(historyOf(request, enhance).job).toMatchObject({ status: 'queued', enhanced: data, sequence: 2 });
  });
});

const index = fc.integer({ min: 0, max: 5 });
const attempt = fc.integer({ min: 1, max: 3 });
const step = fc.oneof(
  fc.constant(start),
  fc.tuple(index, attempt).map(([i, a]) => store(i, a)),
  attempt.map((a) => complete(a)),
  fc.option(attempt, { nil: undefined }).map((a) => fail(a)),
  fc.constant(cancel),
  index.map((i) => remove(i)),
  fc.tuple(index, fc.boolean()).map(([i, favorite]) => like(i, favorite)),
);
const histories = fc.array(step, { maxLength: 25 }).map((steps) => historyOf(request, ...steps));
const TERMINAL = new Set(['JobCompleted', 'JobFailed', 'JobCancelled']);

describe('whatever happens', () => {
  it('a job ends once at most, and only its assets go on', () => {
    fc.assert(
      fc.property(histories, ({ job, events }) => {
        const types = events.map((event) => event.type);
        const ends = types.filter((type) => TERMINAL.has(type));
        expect(ends.length).toBe(job && isEnded(job) ? 1 : 0);
        const after = ends.length ? types.slice(types.findIndex((type) => TERMINAL.has(type)) + 1) : [];
        expect(after.every((type) => type === 'AssetDeleted' || type === 'AssetFavorited')).toBe(true);
      }),
    );
  });

  it('the last event of each subject tells as much as all events', () => {
    fc.assert(
      fc.property(histories, ({ job, events }) => {
        const last = new Map(events.map((event) => [subjectOf(event), event]));
        expect(foldJob([...last.values()])).toEqual(job);
      }),
    );
  });

  it('order of arrival and repetition change nothing', () => {
    const arrivals = histories.chain(({ job, events }) =>
      fc
        .tuple(fc.shuffledSubarray(events, { minLength: events.length }), fc.subarray(events))
        .map(([all, again]) => ({ job, arrived: [...all, ...again] })),
    );
    fc.assert(fc.property(arrivals, ({ job, arrived }) => void expect(foldJob(arrived)).toEqual(job)));
  });

  it('any events in any order fold to a sane job', () => {
    const anyEvents = fc
      .array(histories, { minLength: 1, maxLength: 3 })
      .chain((several) => fc.shuffledSubarray(several.flatMap(({ events }) => events)));
    fc.assert(
      fc.property(anyEvents, (events) => {
        for (const job of [foldJob(events), events.reduce<Given>(evolve, undefined)]) {
          if (!job) continue;
          const indexes = job.assets.map((each) => each.index);
          expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => a - b));
          expect(new Set(job.deletedIndexes).size).toBe(job.deletedIndexes.length);
          expect('endedAt' in job).toBe(isEnded(job));
        }
      }),
    );
  });

  it('an asset once stored stays', () => {
    fc.assert(
      fc.property(histories, ({ job, events }) => {
        const stored = events.flatMap((event) => (event.type === 'AssetStored' ? event.data.assets : []));
        const indexes = [...new Set(stored.map((each) => each.index))].sort((a, b) => a - b);
        expect(job?.assets.map((each) => each.index)).toEqual(indexes);
      }),
    );
  });
});

/** As the stream keeps them apart. */
function subjectOf(event: JobHistoryEvent): string {
  const ofAsset = event.type === 'AssetDeleted' || event.type === 'AssetFavorited';
  return ofAsset ? `${event.type}.${event.data.index}` : event.type;
}
