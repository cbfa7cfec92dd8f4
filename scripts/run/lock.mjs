/** A lock between processes: a folder that names its holder. A holder that died does not keep it. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

/**
 * Takes the lock, or says who has it. A lock whose holder is gone is taken over.
 *
 * @param {string} folder
 * @returns {{ release(): void } | { heldBy: number }} what ends the hold, or the process id of the holder
 */
export function tryLock(folder) {
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  for (;;) {
    if (place(folder)) return { release: () => remove(folder, identityOf(process.pid)) };
    const holder = holderOf(folder);
    const pid = Number.parseInt(holder ?? '', 10);
    if (holder !== undefined && identityOf(pid) === holder) return { heldBy: pid };
    remove(folder, holder);
  }
}

/**
 * Does `work` while no other process holds the lock.
 *
 * @template T
 * @param {string} folder
 * @param {(holder: number) => void} onWait told once when somebody else holds it
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function whileLocked(folder, onWait, work) {
  let lock = tryLock(folder);
  if ('heldBy' in lock) onWait(lock.heldBy);
  while ('heldBy' in lock) {
    await delay(POLL_MS);
    lock = tryLock(folder);
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * A folder with a file in it cannot be renamed over: the rename is the moment at which one of several wins.
 * @param {string} folder
 */
function place(folder) {
  const prepared = mkdtempSync(`${folder}.`);
  writeFileSync(join(prepared, 'holder'), identityOf(process.pid) ?? '');
  try {
    renameSync(prepared, folder);
    return true;
  } catch (error) {
    rmSync(prepared, { recursive: true });
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(codeOf(error))) throw error;
    return false;
  }
}

/**
 * Moves the lock aside before it is deleted, so that nobody can take it half-deleted. When it turns out to be another's
 * than was expected, it goes back.
 * @param {string} folder
 * @param {string | undefined} expected
 */
function remove(folder, expected) {
  const aside = `${folder}.${process.pid}.old`;
  rmSync(aside, { recursive: true, force: true });
  try {
    renameSync(folder, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (holderOf(aside) === expected) rmSync(aside, { recursive: true, force: true });
  else renameSync(aside, folder);
}

/** @param {string} folder */
function holderOf(folder) {
  return readIfThere(join(folder, 'holder'));
}

/**
 * The process id with the time of the process's start where the system tells it, because ids are used again.
 * Undefined when there is no such process.
 * @param {number} pid
 */
function identityOf(pid) {
  if (!(pid > 0)) return undefined;
  if (process.platform !== 'linux') return exists(pid) ? `${pid}` : undefined;
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold spaces; the start time is the 22nd.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? undefined : `${pid} ${rest[18]}`;
}

/** @param {number} pid */
function exists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** @param {string} file */
function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'ENOTDIR'].includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
