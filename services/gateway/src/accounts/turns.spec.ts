import { expect, it } from 'vitest';
import { Turns } from './turns.js';

const never = new AbortController().signal;

it('work of one name › is done in order, whatever becomes of the work before', async () => {
  const turns = new Turns();
  const done: number[] = [];
  const work = (n: number) => async () => {
    await new Promise(setImmediate);
    done.push(n);
    if (n === 2) throw new Error('two');
    return n;
  };
  const results = await Promise.allSettled([1, 2, 3].map((n) => turns.take('a', work(n), never)));
  expect(done).toEqual([1, 2, 3]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('work of another name › does not wait', async () => {
  const turns = new Turns();
  let finish = () => {};
  const slow = turns.take(
    'a',
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
    never,
  );
  expect(await turns.take('b', async () => 'done', never)).toBe('done');
  finish();
  await slow;
});

it('work that is given up before its turn › is not begun', async () => {
  const turns = new Turns();
  const aborter = new AbortController();
  let begun = false;
  const first = turns.take('a', async () => aborter.abort(new Error('given up')), never);
  const second = turns.take(
    'a',
    async () => {
      begun = true;
    },
    aborter.signal,
  );
  await first;
  await expect(second).rejects.toThrow('given up');
  expect(begun).toBe(false);
});
