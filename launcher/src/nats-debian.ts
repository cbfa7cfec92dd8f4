import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Debian's stable releases carry servers that are too old. */
const SUITE = 'sid';

const STEP_TIMEOUT_MS = 180_000;

/**
 * Downloads Debian's `nats-server` package into `folder` and unpacks it there. APT verifies the archive's signature. It
 * gets a list of sources, an index and a cache of its own: the system's stay as they are, and nothing is installed.
 *
 * @returns the path of the program
 * @throws where there is no APT, no Debian keyring, or no way to the archive
 */
export async function fetchFromDebian(folder: string): Promise<string> {
  const apt = await privateApt(folder);
  await run('apt-get', [...apt, '-qq', 'update'], folder);
  await run('apt-get', [...apt, '-qq', 'download', 'nats-server'], folder);
  const packages = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
  if (!packages[0]) throw new Error('the archive has no nats-server');
  await run('dpkg', ['-x', packages[0], 'unpacked'], folder);
  return join(folder, 'unpacked/usr/sbin/nats-server');
}

async function privateApt(folder: string): Promise<string[]> {
  const source = `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${SUITE} main\n`;
  await writeFile(join(folder, 'sources.list'), source);
  await Promise.all(['lists', 'cache'].map((name) => mkdir(join(folder, name, 'partial'), { recursive: true })));
  const options = {
    'Dir::Etc::SourceList': join(folder, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
    // Empty: root's APT would download as another user, who may not write here.
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '10',
    // Without this, an index that cannot be had is only a warning.
    'APT::Update::Error-Mode': 'any',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

async function run(program: string, args: string[], cwd: string): Promise<void> {
  try {
    await promisify(execFile)(program, args, { cwd, timeout: STEP_TIMEOUT_MS });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(stderr?.trim().split('\n').at(-1) || message.split('\n')[0], { cause: error });
  }
}
