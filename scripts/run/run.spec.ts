import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScratchFolder, scratchFolder } from '../../test/support/scratch-folder.js';
import { changes, deleted } from './build.mjs';
import { holdsAll } from './install.mjs';
import { tryLock, whileLocked } from './lock.mjs';
import { tally } from './test-run.mjs';

describe('staleness of the build', () => {
  const before = { 'a.ts': '1 10', 'b.ts': '1 10' };

  it.each([
    ['nothing happened', before, [], []],
    ['a file changed', { ...before, 'a.ts': '2 10' }, ['a.ts'], []],
    ['a file came', { ...before, 'c.ts': '1 1' }, ['c.ts'], []],
    ['a file went', { 'a.ts': '1 10' }, ['b.ts'], ['b.ts']],
  ])('when %s › is seen', (_, now, changed, gone) => {
    expect(changes(before, now)).toEqual(changed);
    expect(deleted(before, now)).toEqual(gone);
  });
});

describe('holdsAll', () => {
  const wanted = { '': {}, 'node_modules/a': { version: '1' }, 'node_modules/b': { version: '1', optional: true } };

  it.each([
    ['all are there', { 'node_modules/a': { version: '1' }, 'node_modules/b': { version: '1' } }, true],
    ['one for another system is missing', { 'node_modules/a': { version: '1' } }, true],
    ['one is missing', { 'node_modules/b': { version: '1' } }, false],
    ['one has another version', { 'node_modules/a': { version: '2' } }, false],
    ['one is no longer wanted', { 'node_modules/a': { version: '1' }, 'node_modules/c': { version: '1' } }, false],
  ])('when %s › %s', (_, present, expected) => {
    expect(holdsAll(wanted, present)).toBe(expected);
  });
});

describe('tally', () => {
  it('when a file cannot be loaded › counts it as a failure', () => {
    const broken = { status: 'failed', assertionResults: [] };
    const counted = { status: 'failed', assertionResults: [{ status: 'failed' }] };
    const report = { numPassedTests: 3, numFailedTests: 1, testResults: [broken, counted] };
    expect(tally(report)).toEqual({ passed: 3, failed: 2 });
  });
});

describe('tryLock', () => {
  let scratch: ScratchFolder;
  let lock: string;

  beforeEach(async () => {
    scratch = await scratchFolder();
    lock = join(scratch.path, 'lock');
  });
  afterEach(() => scratch.remove());

  it('when held › says by whom; when released › is free, and nothing stays behind', () => {
    const first = tryLock(lock);
    expect(tryLock(lock)).toEqual({ heldBy: process.pid });
    if ('release' in first) first.release();
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it('when its holder was killed › is taken over', async () => {
    await holdElsewhere(lock);
    expect(tryLock(lock)).toHaveProperty('release');
  });

  it('when its holder’s process id belongs to another process by now › is taken over', () => {
    mkdirSync(lock);
    writeFileSync(join(lock, 'holder'), `${process.pid} 1`);
    expect(tryLock(lock)).toHaveProperty('release');
  });

  it('when several want it › they have it one after the other', async () => {
    const course: string[] = [];
    const work = (name: string) => async () => {
      course.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      course.push(`${name} ends`);
    };
    await Promise.all(['a', 'b'].map((name) => whileLocked(lock, () => undefined, work(name))));
    expect(course).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });
});

/** Has another process take the lock and killed while it holds it. */
async function holdElsewhere(lock: string): Promise<void> {
  const module = new URL('lock.mjs', import.meta.url).href;
  const script = `import { tryLock } from ${JSON.stringify(module)};
    console.log('release' in tryLock(${JSON.stringify(lock)}));
    setInterval(() => undefined, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(holder.stdout, 'data');
  expect(String(line)).toBe('true\n');
  expect(tryLock(lock)).toEqual({ heldBy: holder.pid });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
}
