import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errorCode, unlessMissing } from '#service-kit/file-errors.js';
import type { PostgresBinaries } from './postgres-binary.js';

/** A user of this machine. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

const run = promisify(execFile);

/**
 * The account that PostgreSQL runs as, because it refuses to run as root: `postgres` where it exists, else `nobody`, so
 * that no account has to be created. Undefined when this process is not root's and PostgreSQL runs as its own user.
 */
export async function serviceAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const account = (await findAccount('postgres')) ?? (await findAccount('nobody'));
  if (!account) throw new Error('PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody');
  return account;
}

async function findAccount(name: string): Promise<Account | undefined> {
  const ids = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name]))).catch(() => undefined);
  const [uid, gid] = ids?.map(({ stdout }) => Number(stdout)) ?? [];
  return uid === undefined || gid === undefined ? undefined : { name, uid, gid };
}

/** Whether `account` can get at `path` through all its parent folders. */
async function reaches(account: Account, path: string): Promise<boolean> {
  const { uid, gid } = account;
  const attempt = run('/bin/sh', ['-c', 'test -r "$1"', 'sh', path], { uid, gid, cwd: '/' });
  return attempt.then(
    () => true,
    () => false,
  );
}

/** Paths under names that the child can use, and the descriptors that it must inherit for them. */
export interface ReachablePaths {
  names: string[];
  /** To be the child's descriptors 3, 4, …; close them after the start. */
  descriptors: number[];
  close(): void;
}

/**
 * Makes `paths` usable for `account`. Folders of root are often closed to everybody else (`/root` has mode 700), and then
 * the account cannot walk to its own data. The child inherits open descriptors instead and enters through
 * `/proc/self/fd`, where the parents' modes do not count.
 *
 * @throws where that is needed and the system has no `/proc/self/fd`
 */
export async function makeReachable(account: Account | undefined, paths: string[]): Promise<ReachablePaths> {
  const direct = !account || (await Promise.all(paths.map((path) => reaches(account, path)))).every(Boolean);
  if (direct) return { names: paths, descriptors: [], close: () => undefined };
  if (process.platform !== 'linux') {
    throw new Error(
      `The user ${account.name} cannot reach ${paths.join(', ')}: choose a data folder that it can reach`,
    );
  }
  const descriptors = paths.map((path) => openSync(path, constants.O_RDONLY));
  const names = paths.map((_, index) => `/proc/self/fd/${index + 3}`);
  return { names, descriptors, close: () => descriptors.forEach(closeDescriptor) };
}

function closeDescriptor(descriptor: number): void {
  closeSync(descriptor);
}

/** Root's own, readable for all: nobody else can put programs there. */
const SHARED_PROGRAMS = '/var/cache/ourvidz';

/**
 * Programs that `account` can run. When the checkout lies in a folder that only root may enter, those from npm are
 * copied (60 MB, once per version) to `/var/cache/ourvidz`; programs find their files through their real path, so open
 * descriptors do not help here.
 */
export async function makeRunnable(account: Account | undefined, found: PostgresBinaries): Promise<PostgresBinaries> {
  if (!account || (await reaches(account, found.postgres))) return found;
  if (!found.movable) throw new Error(`The user ${account.name} cannot run ${found.postgres}`);
  const manifest = JSON.parse(await readFile(join(found.movable, '../package.json'), 'utf8')) as { version: string };
  const copy = join(SHARED_PROGRAMS, `postgres-${manifest.version}`);
  if (!(await unlessMissing(stat(copy)))) await copyPrograms(found.movable, copy);
  return { ...found, initdb: join(copy, 'bin/initdb'), postgres: join(copy, 'bin/postgres') };
}

/** The copy appears under its name only when it is complete. */
async function copyPrograms(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o755 });
  const workspace = await mkdtemp(`${to}.`);
  try {
    const complete = join(workspace, basename(to));
    await cp(from, complete, { recursive: true, verbatimSymlinks: true });
    await rename(complete, to).catch(unlessCopiedMeanwhile);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

function unlessCopiedMeanwhile(error: unknown): void {
  if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) throw error;
}
