/** A Redis server where none is installed: Debian's packages, unpacked into the project's cache folder. */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE } from '../src/bench-folder.js';

export interface RedisBinary {
  readonly path: string;
  /** Where its libraries lie, when they are not the system's. */
  readonly libraries?: string;
}

const PACKAGES = ['redis-server', 'redis-tools', 'liblzf1', 'libjemalloc2', 'libatomic1'];
const STEP_TIMEOUT_MS = 180_000;
const UNPACKED = join(CACHE, 'redis-server');

/** On the path, in the cache, or downloaded into it. Rejects with the reason where there is no way to one. */
export async function locateRedis(): Promise<RedisBinary> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, 'redis-server');
    if (folder !== '' && (await exists(path))) return { path };
  }
  if (!(await exists(UNPACKED))) await fetchRedis();
  return { path: join(UNPACKED, 'usr/bin/redis-server'), libraries: await libraryFolder() };
}

/** APT checks the archive's signatures. It gets an index and a cache of its own: the system's stay as they are. */
async function fetchRedis(): Promise<void> {
  process.stderr.write('Fetching a Redis server from the Debian archive\n');
  await mkdir(CACHE, { recursive: true });
  const workspace = await mkdtemp(join(CACHE, '.fetch-redis-'));
  try {
    const apt = await privateApt(workspace);
    await run('apt-get', [...apt, '-qq', 'update'], workspace);
    await run('apt-get', [...apt, '-qq', 'download', ...PACKAGES], workspace);
    const packages = (await readdir(workspace)).filter((name) => name.endsWith('.deb'));
    for (const name of packages) await run('dpkg', ['-x', name, 'unpacked'], workspace);
    await rename(join(workspace, 'unpacked'), UNPACKED);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

async function privateApt(folder: string): Promise<string[]> {
  await Promise.all(['lists', 'cache'].map((name) => mkdir(join(folder, name, 'partial'), { recursive: true })));
  const options = {
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
    // Empty: root's APT would download as another user, who may not write here.
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '10',
    'APT::Update::Error-Mode': 'any',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** `usr/lib/<architecture>`. */
async function libraryFolder(): Promise<string> {
  const lib = join(UNPACKED, 'usr/lib');
  const found = (await readdir(lib)).find((name) => name.endsWith('-linux-gnu'));
  if (!found) throw new Error(`${lib} holds no libraries`);
  return join(lib, found);
}

async function run(program: string, args: string[], cwd: string): Promise<void> {
  await promisify(execFile)(program, args, { cwd, timeout: STEP_TIMEOUT_MS });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
