import { describe, expect, test } from 'vitest';
import { judge } from '../src/event-log/stream-follower.js';

const at = (sequence: number, eventId: string | null = 'e') => ({ epoch: 1, sequence, eventId });
const found = (id: string | undefined) => async () => id;

describe('a stream whose message at the checkpoint', () => {
  test('is the logged one is sound', async () => {
    expect(await judge(at(5), { firstSequence: 1, lastSequence: 9 }, found('e'))).toBe('sound');
  });
  test('is another one is another stream', async () => {
    expect(await judge(at(5), { firstSequence: 1, lastSequence: 9 }, found('f'))).toBe('other stream');
  });
  test('is missing in the middle is another stream', async () => {
    expect(await judge(at(5), { firstSequence: 1, lastSequence: 9 }, found(undefined))).toBe('other stream');
  });
  test('has expired is sound', async () => {
    expect(await judge(at(5), { firstSequence: 6, lastSequence: 9 }, found(undefined))).toBe('sound');
  });
  test('was never stored, because the stream is shorter, is another stream', async () => {
    expect(await judge(at(5), { firstSequence: 1, lastSequence: 4 }, found(undefined))).toBe('other stream');
  });
});

test('a stream of which nothing was read yet is sound', async () => {
  expect(await judge(at(0, null), { firstSequence: 1, lastSequence: 0 }, found(undefined))).toBe('sound');
});
