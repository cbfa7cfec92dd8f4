import { describe, expect, it } from 'vitest';
import type { Job } from '#contracts/domain/job.js';
import { JobDurations } from './job-durations.js';

/** Only what durations are learned from. */
function completed(jobId: string, generatedMs: number): Job {
  const requested = { jobId, jobType: 'sdxl_image_fast', seeds: [1] };
  const timings = { waitedMs: 0, generatedMs, storedMs: 0 };
  return { status: 'completed', requested, completed: { timings }, assets: [], deletedIndexes: [] } as unknown as Job;
}

describe('how long a job takes', () => {
  it('is what the reference measured, until one was made here', () => {
    const durations = new JobDurations();
    expect(durations.secondsOf('sdxl_image_fast')).toBe(29.9);
    expect(durations.averageOf('sdxl_queue')).toBeCloseTo((29.9 + 42.4) / 2);
    durations.observe(completed('a', 2_000));
    expect(durations.secondsOf('sdxl_image_fast')).toBe(2);
    expect(durations.averageOf('sdxl_queue')).toBe(2);
  });

  it('follows the newest jobs, each of which counts once', () => {
    const durations = new JobDurations();
    durations.observe(completed('a', 2_000));
    durations.observe(completed('b', 12_000));
    durations.observe(completed('b', 12_000));
    expect(durations.secondsOf('sdxl_image_fast')).toBe(4);
  });

  it('makes the wait for those who come after it', () => {
    const durations = new JobDurations();
    durations.observe(completed('a', 2_000));
    expect(durations.waitOf('sdxl_queue', { waiting: 6, workers: 3 })).toBe(4);
    expect(durations.waitOf('sdxl_queue', { waiting: 6, workers: 0 })).toBe(12);
  });
});
