import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** An archive of an official release and the SHA-256 it must have. */
export interface NatsRelease {
  url: string;
  sha256: string;
}

const VERSION = '2.15.0';

/** From the release's own SHA256SUMS; the Linux ones are also in the build files of the official image. */
const SHA256: Record<string, string> = {
  'linux-amd64': '5d2c51caca950333aba84911df7d377f826f3a59ec36061c6539105084f65c92',
  'linux-arm64': 'cdc208f5a3f42963a52b6ab06ef65626bb870315dc936e26ba571780c6351112',
  'darwin-amd64': '5bd8b59ca5bf93fab3da2c5843cf564cd6e2e291e22ae3b861746e7ebe259b95',
  'darwin-arm64': 'e1c4e22d70bd44abfa0bcb3c16f7cf0c66f648c2e728c58924e8a1ce88913cc8',
};

/** A machine without a network must fall through quickly. */
const CONNECT_TIMEOUT_MS = 4_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;

/**
 * Downloads and unpacks a release into `folder`.
 *
 * @returns the path of the program
 * @throws when the archive is not the one that the checksum was made of
 */
export async function fetchRelease(folder: string, release = releaseForThisMachine()): Promise<string> {
  const archive = await downloadBytes(release.url);
  const sha256 = createHash('sha256').update(archive).digest('hex');
  if (sha256 !== release.sha256) {
    throw new Error(`${release.url} has the SHA-256 ${sha256} instead of ${release.sha256}`);
  }
  const file = join(folder, 'release.tar.gz');
  await writeFile(file, archive);
  await promisify(execFile)('tar', ['-xzf', file, '-C', folder, '--strip-components=1']);
  return join(folder, 'nats-server');
}

function releaseForThisMachine(): NatsRelease {
  const target = `${platform()}-${arch() === 'x64' ? 'amd64' : arch()}`;
  const sha256 = SHA256[target];
  if (!sha256) throw new Error(`no release is known for ${target}`);
  const base = `https://github.com/nats-io/nats-server/releases/download/v${VERSION}`;
  return { url: `${base}/nats-server-v${VERSION}-${target}.tar.gz`, sha256 };
}

async function downloadBytes(url: string): Promise<Buffer> {
  const abort = new AbortController();
  const connecting = setTimeout(() => abort.abort(new Error(`no answer from ${url}`)), CONNECT_TIMEOUT_MS);
  const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]);
  try {
    const response = await fetch(url, { signal });
    clearTimeout(connecting);
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  } finally {
    clearTimeout(connecting);
  }
}

/** `fetch failed` alone says nothing; the reason is one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
