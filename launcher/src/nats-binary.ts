import { execFile } from 'node:child_process';
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { unlessMissing } from '#service-kit/file-errors.js';
import { fetchFromDebian } from './nats-debian.js';
import { fetchRelease } from './nats-release.js';

/** A `nats-server` program on this machine. */
export interface NatsBinary {
  path: string;
  /** Such as `2.15.1`. */
  version: string;
}

/** Fetches a `nats-server` into `folder` and yields the path of the program, or throws with the reason. */
export interface NatsSource {
  /** For messages: where it fetches from. */
  name: string;
  fetch(folder: string): Promise<string>;
}

/** Where to look for a `nats-server`. */
export interface LocateOptions {
  /** Folder for downloads that outlive the run; the server ends up in `nats-server/<version>/`. */
  cacheDir: string;
  /** Told what is refused and what is downloaded. */
  log: (message: string) => void;
  /** Folders to search, as in `PATH`, which is the default. */
  searchPath?: string;
  /** Where to download from, in this order. */
  sources?: NatsSource[];
}

/** Servers older than this silently ignore features that we rely on. */
const MINIMUM_NATS_VERSION = '2.12.0';

const SOURCES: NatsSource[] = [
  { name: 'the official release on GitHub', fetch: (folder) => fetchRelease(folder) },
  { name: 'the Debian archive', fetch: fetchFromDebian },
];

/**
 * Finds a `nats-server` that is new enough: on the path, in the cache, or by downloading one into the cache. Nothing is
 * installed on the system. Several processes may call it at once.
 *
 * @throws with the three ways to get a server when there is none
 */
export async function locateNatsServer(options: LocateOptions): Promise<NatsBinary> {
  const cache = resolve(options.cacheDir, 'nats-server');
  const found = (await findOnPath(options)) ?? (await findInCache(cache, options.log));
  return found ?? download(cache, options);
}

/** Reads the version out of what `nats-server --version` prints: `nats-server: v2.15.1`. */
export function parseNatsVersion(output: string): string | undefined {
  return /\bv?(\d+\.\d+\.\d+)(?:[-+][\w.+-]*)?\s*$/m.exec(output)?.[1];
}

/** Whether `version` is `minimum` or newer; both are `major.minor.patch`. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [mine, theirs] = [version, minimum].map((text) => text.split('.').map(Number));
  const different = (mine ?? []).findIndex((part, index) => part !== theirs?.[index]);
  return different === -1 || (mine?.[different] ?? 0) > (theirs?.[different] ?? 0);
}

async function findOnPath({
  searchPath = process.env.PATH ?? '',
  log,
}: LocateOptions): Promise<NatsBinary | undefined> {
  for (const folder of searchPath.split(delimiter).filter(Boolean)) {
    const found = await examine(join(folder, 'nats-server'), log);
    if (found) return found;
  }
  return undefined;
}

async function findInCache(cache: string, log: LocateOptions['log']): Promise<NatsBinary | undefined> {
  const entries = (await unlessMissing(readdir(cache))) ?? [];
  const versions = entries.filter((entry) => /^\d/.test(entry)).sort((a, b) => (isAtLeast(a, b) ? -1 : 1));
  for (const version of versions) {
    const found = await examine(join(cache, version, 'nats-server'), log);
    if (found) return found;
  }
  return undefined;
}

/** The program at `path`, if there is one that runs and is new enough. */
async function examine(path: string, log: LocateOptions['log']): Promise<NatsBinary | undefined> {
  const executable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!executable) return undefined;
  const answer = await promisify(execFile)(path, ['--version'], { timeout: 10_000 }).catch((error: Error) => error);
  const version = answer instanceof Error ? undefined : parseNatsVersion(answer.stdout);
  if (version && isAtLeast(version, MINIMUM_NATS_VERSION)) return { path, version };
  const flaw = version ? `version ${version}` : 'it does not tell its version';
  log(`Not using ${path} (${flaw}): NATS server ${MINIMUM_NATS_VERSION} or newer is needed`);
  return undefined;
}

async function download(cache: string, options: LocateOptions): Promise<NatsBinary> {
  const failures: string[] = [];
  for (const source of options.sources ?? SOURCES) {
    options.log(`Fetching a NATS server from ${source.name}`);
    try {
      return await fetchInto(cache, source, options.log);
    } catch (error) {
      failures.push(`${source.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(missMessage(failures));
}

/** The download happens in a folder of its own, and moves into place in one step: a half-written server is never seen. */
async function fetchInto(cache: string, source: NatsSource, log: LocateOptions['log']): Promise<NatsBinary> {
  await mkdir(cache, { recursive: true });
  const workspace = await mkdtemp(join(cache, '.fetch-'));
  try {
    const fetched = await examine(await source.fetch(workspace), log);
    if (!fetched) throw new Error(`got no server of version ${MINIMUM_NATS_VERSION} or newer`);
    return await moveIntoCache(cache, fetched);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

async function moveIntoCache(cache: string, { path, version }: NatsBinary): Promise<NatsBinary> {
  const target = join(cache, version, 'nats-server');
  await mkdir(join(cache, version), { recursive: true });
  await rename(path, target);
  return { path: target, version };
}

function missMessage(failures: string[]): string {
  return [
    `No NATS server ${MINIMUM_NATS_VERSION} or newer was found, and none could be downloaded. Do one of these:`,
    '  1. install nats-server (https://github.com/nats-io/nats-server/releases) so that it is on the PATH;',
    '  2. set NATS_URL to the address of a running server;',
    '  3. allow this machine to reach github.com or deb.debian.org, and start again.',
    ...failures.map((failure) => `  (tried ${failure})`),
  ].join('\n');
}
