import { describe, expect, it } from 'vitest';
import { longestWaits } from './recovery.js';

const BEGIN = Date.parse('2026-01-01T00:00:00Z');

describe('the longest waits', () => {
  it('are told from the stream and the ends of faults', () => {
    const histories = [
      [event('requested', 0), event('started', 1_000), event('started', 31_000), event('completed', 32_000)],
      [event('requested', 5_000), event('started', 6_000), event('completed', 7_000)],
    ];
    expect(longestWaits(histories, [BEGIN + 6_500, BEGIN + 10_000, BEGIN + 40_000])).toEqual({
      recoveryMs: 22_000,
      standstillMs: 30_000,
      jobMs: 32_000,
      slowestJob: [
        { event: 'requested', afterMs: 0 },
        { event: 'started', afterMs: 1_000 },
        { event: 'started', afterMs: 31_000 },
        { event: 'completed', afterMs: 32_000 },
      ],
    });
  });

  it('are endless for a job without an end', () => {
    expect(longestWaits([[event('requested', 0)]], [BEGIN + 1_000])).toMatchObject({
      recoveryMs: Number.POSITIVE_INFINITY,
      jobMs: Number.POSITIVE_INFINITY,
    });
  });
});

function event(name: string, afterMs: number) {
  return { cloudEventType: `com.ourvidz.job.${name}.v1`, storedAt: new Date(BEGIN + afterMs).toISOString() };
}
