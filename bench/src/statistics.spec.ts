import { describe, expect, it } from 'vitest';
import { median, medianRate, percentile, spreadOf } from './statistics.js';

describe('median', () => {
  it('of an odd number is the middle one, whatever their order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('of an even number is the mean of the middle two', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('of nothing is no number', () => {
    expect(median([])).toBeNaN();
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it('is the nearest rank', () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
  });

  it('of few samples is one of them', () => {
    expect(spreadOf([7])).toEqual({ p50: 7, p99: 7 });
    expect(percentile([1, 2, 3], 0)).toBe(1);
  });
});

describe('medianRate', () => {
  it('is per second, and one slow window does not count', () => {
    const counts = [
      { at: 0, count: 0 },
      { at: 500, count: 100 },
      { at: 1_000, count: 200 },
      { at: 1_500, count: 201 },
      { at: 2_000, count: 301 },
    ];
    expect(medianRate(counts)).toBe(200);
  });
});
