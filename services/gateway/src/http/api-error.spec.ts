import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '#contracts/http/error-codes.js';
import { ApiError } from './api-error.js';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const toWait = CODES.filter((code) => [429, 503].includes(ERROR_CODES[code].status) && ERROR_CODES[code].retryable);

describe('an answer that is worth retrying', () => {
  it.each(toWait)('%s says after how many seconds', (code) => {
    const seconds = new ApiError(code).retryAfterSeconds ?? 0;
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(600);
    expect(new ApiError(code, { retryAfterSeconds: 42 }).retryAfterSeconds).toBe(42);
  });

  it('is every 429, and every 503 but the one that waiting does not change', () => {
    const others = CODES.filter((code) => [429, 503].includes(ERROR_CODES[code].status) && !toWait.includes(code));
    expect(others.filter((code) => ERROR_CODES[code].status === 429)).toEqual([]);
    expect(others.every((code) => new ApiError(code).retryAfterSeconds === undefined)).toBe(true);
  });
});
