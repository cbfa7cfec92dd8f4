import { describe, expect, it } from 'vitest';
import { parseDuration } from './duration.js';

describe('parseDuration', () => {
  it.each([
    ['45s', 45],
    ['30m', 1_800],
    ['1h', 3_600],
    [' 7d ', 604_800],
  ])('%s › %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', '0h', '1', 'h', '1.5h', '-1h', '1w', '1h30m'])('%o › is refused', (text) => {
    expect(() => parseDuration(text)).toThrow(`"${text}" is not a duration`);
  });
});
