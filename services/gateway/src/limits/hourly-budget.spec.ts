import { describe, expect, it } from 'vitest';
import { HourlyBudget } from './hourly-budget.js';

const HOUR = 3_600_000;

describe('an hourly budget', () => {
  it('is each user’s own, is refused when it is spent, and says when to come back', () => {
    const budget = new HourlyBudget(100, 'KiB');
    for (const amount of [60, 80]) budget.spend('a', amount, HOUR);
    const refused = { code: 'rate_limited', message: '100 KiB an hour', retryAfterSeconds: expect.any(Number) };
    expect(() => budget.spend('a', 1, HOUR)).toThrow(expect.objectContaining(refused));
    budget.spend('b', 1, HOUR);
    budget.spend('a', 1, 3 * HOUR);
  });
});
