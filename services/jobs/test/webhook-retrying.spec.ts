import { describe, expect, test } from 'vitest';
import {
  type AttemptResult,
  MOST_ATTEMPTS,
  nextStep,
  problemOf,
  RETRYING_MS,
  retryAfterMs,
} from '../src/webhooks/retrying.js';

const HOUR = 3_600_000;
const answered = (status: number, retryAfter?: number): AttemptResult => {
  return { kind: 'answered', status, retryAfterMs: retryAfter };
};
const unreachable: AttemptResult = { kind: 'unreachable', error: 'cannot connect: ECONNREFUSED' };

describe('after a try', () => {
  test.each([200, 201, 204, 299])('that was answered with %i › it is delivered', (status) => {
    expect(nextStep(1, answered(status), 0)).toEqual({ status: 'delivered' });
    expect(problemOf(answered(status))).toBeNull();
  });

  test.each([199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503])(
    'that was answered with %i › again',
    (status) => {
      expect(nextStep(1, answered(status), 0)).toEqual({ status: 'pending', waitMs: 5_000 });
      expect(problemOf(answered(status))).toContain(`answered ${status}`);
    },
  );

  test('that nobody answered › again', () => {
    expect(nextStep(1, unreachable, 0)).toEqual({ status: 'pending', waitMs: 5_000 });
    expect(problemOf(unreachable)).toBe('cannot connect: ECONNREFUSED');
  });

  test('the waits grow over more than a day, and then it is given up', () => {
    const steps = Array.from({ length: MOST_ATTEMPTS }, (_, index) => nextStep(index + 1, unreachable, 0));
    const waits = steps.map((step) => (step.status === 'pending' ? step.waitMs / 1_000 : step.status));
    expect(waits).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 'failed']);
    expect(RETRYING_MS).toBeGreaterThan(24 * HOUR);
  });

  test('a wait is up to a tenth longer', () => {
    expect(nextStep(2, unreachable, 1)).toEqual({ status: 'pending', waitMs: 330_000 });
  });

  test('that was answered with 410 › never again', () => {
    expect(nextStep(1, answered(410), 0)).toEqual({ status: 'failed', gone: true });
    expect(nextStep(MOST_ATTEMPTS, answered(500), 0)).toEqual({ status: 'failed', gone: false });
  });

  test.each([429, 503])(
    'that was answered with %i and Retry-After › at the longer of both waits, at most a day',
    (status) => {
      expect(nextStep(1, answered(status, 60_000), 0)).toEqual({ status: 'pending', waitMs: 60_000 });
      expect(nextStep(2, answered(status, 1_000), 0)).toEqual({ status: 'pending', waitMs: 300_000 });
      expect(nextStep(1, answered(status, 99 * 24 * HOUR), 0)).toEqual({ status: 'pending', waitMs: 24 * HOUR });
    },
  );

  test('Retry-After with any other status › does not count', () => {
    expect(nextStep(1, answered(500, 60_000), 0)).toEqual({ status: 'pending', waitMs: 5_000 });
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  test.each([
    ['120', 120_000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Thu, 01 Jan 2020 00:00:00 GMT', 0],
    ['soon', undefined],
    ['-5x', undefined],
    ['99999999999999999999', undefined],
    [undefined, undefined],
  ])('%j › %j ms', (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected);
  });
});
