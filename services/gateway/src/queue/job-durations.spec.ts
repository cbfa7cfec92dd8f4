import { describe, expect, it } from 'vitest';
import type { Job } from '#contracts/domain/job.js';
import { JobDurations } from './job-durations.js';

/** Only what estimates are made from. */
function job(status: Job['status'], over: object = {}, jobType = 'sdxl_image_fast'): Job {
  const requested = { jobId: 'a', jobType, seeds: [1, 2] };
  return { status, requested, assets: [], deletedIndexes: [], ...over } as unknown as Job;
}
const ahead = (waiting: number, processing = 0, workers = 1) => ({ waiting, processing, workers });

describe('how long a job takes', () => {
  it('is what the reference measured, until one was made here', () => {
    const durations = new JobDurations();
    expect(durations.secondsOf('sdxl_image_fast')).toBe(29.9);
    expect(durations.averageOf('sdxl_queue')).toBeCloseTo((29.9 + 42.4) / 2);
    durations.learn('sdxl_image_fast', 2);
    expect(durations.secondsOf('sdxl_image_fast')).toBe(2);
    expect(durations.averageOf('sdxl_queue')).toBe(2);
  });

  it('follows the newest jobs', () => {
    const durations = new JobDurations();
    durations.learn('sdxl_image_fast', 2);
    durations.learn('sdxl_image_fast', 12);
    expect(durations.secondsOf('sdxl_image_fast')).toBe(4);
  });

  it('is recalled from the log where nothing was seen yet', () => {
    const durations = new JobDurations();
    durations.learn('sdxl_image_fast', 2);
    durations.recall({ seconds: { sdxl_image_fast: 9, sdxl_image_high: 5 }, enhancementSeconds: null });
    expect([durations.secondsOf('sdxl_image_fast'), durations.secondsOf('sdxl_image_high')]).toEqual([2, 5]);
  });
});

describe('an estimate', () => {
  it('is the wait behind those before it, shared by the workers, and the job itself', () => {
    const durations = new JobDurations();
    durations.learn('sdxl_image_fast', 2);
    expect(durations.waitOf('sdxl_queue', ahead(6, 0, 3))).toBe(4);
    expect(durations.waitOf('sdxl_queue', ahead(6, 0, 0))).toBe(12);
    // All busy, half done on average.
    expect(durations.waitOf('sdxl_queue', ahead(6, 3, 3))).toBe(5);
    expect(durations.remainingOf(job('queued'), ahead(3))).toBe(8);
  });

  it('of an enhanced type includes the enhancement until it is done', () => {
    const durations = new JobDurations();
    durations.learn('image7b_fast_enhanced', 10);
    durations.learnEnhancement(4);
    const waiting = job('queued', {}, 'image7b_fast_enhanced');
    expect(durations.remainingOf(waiting, ahead(0))).toBe(14);
    expect(durations.remainingOf({ ...waiting, enhanced: {} } as Job, ahead(0))).toBe(10);
  });

  it('counts down while the job runs, by time and by what is made, and never below a second', () => {
    const durations = new JobDurations();
    durations.learn('sdxl_image_fast', 20);
    const now = Date.parse('2026-01-31T08:00:00Z');
    const running = (secondsAgo: number, assets = 0) =>
      job('processing', {
        startedAt: new Date(now - secondsAgo * 1000).toISOString(),
        assets: Array.from({ length: assets }, (_, index) => ({ index })),
      });
    const left = (secondsAgo: number, assets = 0) => durations.remainingOf(running(secondsAgo, assets), ahead(0), now);
    expect([left(0), left(5), left(5, 1), left(19.5), left(60), left(60, 1)]).toEqual([20, 15, 10, 1, 1, 1]);
    expect(durations.remainingOf(job('completed'), ahead(0))).toBeNull();
  });

  it('for Retry-After is between a second and ten minutes', () => {
    const durations = new JobDurations();
    expect(durations.untilRoomIn('sdxl_queue', 4)).toBe(10);
    durations.learn('sdxl_image_fast', 0.01);
    expect(durations.untilRoomIn('sdxl_queue', 1)).toBe(1);
    for (let n = 0; n < 50; n += 1) durations.learn('video_high', 10_000);
    expect(durations.untilRoomIn('wan_queue', 1)).toBe(600);
  });
});
