import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestRate } from './request-rate.js';

const MINUTE = 60_000;

describe('the rate of requests', () => {
  it('lets through the limit and says when the next one may come', () => {
    const rate = new RequestRate(3, MINUTE);
    for (const now of [0, 1, 2]) expect(rate.take('a', now)).toBe(0);
    const wait = rate.take('a', 1_000);
    expect(wait).toBeGreaterThan(0);
    expect(rate.take('a', 1_000 + wait - 2)).toBeGreaterThan(0);
    expect(rate.take('a', 1_000 + wait)).toBe(0);
  });

  it('counts each account for itself, and what others let through', () => {
    const rate = new RequestRate(2, MINUTE);
    rate.add('a', 2, 0);
    expect(rate.take('a', 0)).toBeGreaterThan(0);
    expect(rate.take('b', 0)).toBe(0);
  });

  it('forgets what was long ago', () => {
    const rate = new RequestRate(1, MINUTE);
    expect(rate.take('a', 0)).toBe(0);
    expect(rate.take('a', 10 * MINUTE)).toBe(0);
  });

  it('whenever requests come › lets through no more than the limit in a window, and keeps its word about the wait', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(5_000), { maxLength: 200 }), (limit, pauses) => {
        const rate = new RequestRate(limit, MINUTE);
        let now = 0;
        const taken = new Map<number, number>();
        for (const pause of pauses) {
          now += pause;
          const wait = rate.take('a', now);
          const window = Math.floor(now / MINUTE);
          if (wait === 0) taken.set(window, (taken.get(window) ?? 0) + 1);
          else {
            expect(wait).toBeLessThanOrEqual(2 * MINUTE);
            now += wait;
            expect(rate.take('a', now)).toBe(0);
            const then = Math.floor(now / MINUTE);
            taken.set(then, (taken.get(then) ?? 0) + 1);
          }
        }
        for (const count of taken.values()) expect(count).toBeLessThanOrEqual(limit);
      }),
    );
  });
});
