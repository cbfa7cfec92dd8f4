import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScratchFolder, scratchFolder } from '../../test/support/scratch-folder.js';
import { freePort } from './free-port.js';
import { isAtLeast, locateNatsServer, type NatsSource, parseNatsVersion } from './nats-binary.js';
import { fetchRelease } from './nats-release.js';

const folders: ScratchFolder[] = [];
let folder: string;
let messages: string[];
const log = (message: string) => void messages.push(message);

beforeEach(async () => {
  const scratch = await scratchFolder();
  folders.push(scratch);
  folder = scratch.path;
  messages = [];
});

afterAll(() => Promise.all(folders.map((scratch) => scratch.remove())));

describe('parseNatsVersion', () => {
  it.each([
    ['nats-server: v2.15.1\n', '2.15.1'],
    ['nats-server: v2.12.0-RC.3\n', '2.12.0'],
    ['nats-server: v2.9.25', '2.9.25'],
    ['something else', undefined],
    ['', undefined],
  ])('reads %j', (output, version) => {
    expect(parseNatsVersion(output)).toBe(version);
  });
});

describe('isAtLeast', () => {
  it.each([
    ['2.12.0', '2.12.0', true],
    ['2.9.25', '2.12.0', false],
    ['2.15.1', '2.12.4', true],
    ['3.0.0', '2.12.0', true],
    ['1.99.99', '2.12.0', false],
  ])('%s against %s', (version, minimum, expected) => {
    expect(isAtLeast(version, minimum)).toBe(expected);
  });
});

describe('locateNatsServer', () => {
  it('when the path has an old server and a new one › takes the new one and says why not the old one', async () => {
    const old = await fakeServer(join(folder, 'old'), '2.10.29');
    const current = await fakeServer(join(folder, 'current'), '2.12.3');
    const searchPath = [join(folder, 'empty'), join(folder, 'old'), join(folder, 'current')].join(':');
    const found = await locateNatsServer({ cacheDir: folder, searchPath, log, sources: [] });
    expect(found).toEqual({ path: current, version: '2.12.3' });
    expect(messages).toEqual([expect.stringContaining(`${old} (version 2.10.29)`)]);
  });

  it('when the cache has servers › takes the newest', async () => {
    await fakeServer(join(folder, 'nats-server/2.12.9'), '2.12.9');
    const newest = await fakeServer(join(folder, 'nats-server/2.15.1'), '2.15.1');
    const found = await locateNatsServer({ cacheDir: folder, searchPath: '', log, sources: [] });
    expect(found.path).toBe(newest);
  });

  it('when two fetch at once › both get the server, and nothing else stays', async () => {
    const sources = [{ name: 'a source', fetch: (to: string) => fakeServer(to, '2.15.0') }];
    const locate = () => locateNatsServer({ cacheDir: folder, searchPath: '', log, sources });
    const [one, other] = await Promise.all([locate(), locate()]);
    expect(one).toEqual(other);
    expect(await readdir(join(folder, 'nats-server'))).toEqual(['2.15.0']);
  });

  it('when a source has only an old server › goes on to the next', async () => {
    const sources = ['2.10.1', '2.15.0'].map((version) => ({
      name: version,
      fetch: (to: string) => fakeServer(to, version),
    }));
    const found = await locateNatsServer({ cacheDir: folder, searchPath: '', log, sources });
    expect(found.version).toBe('2.15.0');
  });

  it('when there is none anywhere › names the three ways to get one, and why the downloads failed', async () => {
    const release = { url: `http://127.0.0.1:${await freePort()}/nats.tar.gz`, sha256: '' };
    const unreachable: NatsSource = { name: 'nowhere', fetch: (to) => fetchRelease(to, release) };
    const miss = locateNatsServer({ cacheDir: folder, searchPath: '', log, sources: [unreachable] });
    await expect(miss).rejects.toThrow(/on the PATH;.*NATS_URL.*reach github\.com.*tried nowhere: .*ECONNREFUSED/s);
    expect(await readdir(join(folder, 'nats-server'))).toEqual([]);
  });
});

describe('fetchRelease', () => {
  it('when the archive is the expected one › unpacks it', async () => {
    const archive = await releaseArchive();
    const server = await serve(archive);
    const sha256 = createHash('sha256').update(archive).digest('hex');
    const release = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/nats.tar.gz`, sha256 };
    const source: NatsSource = { name: 'a release', fetch: (to) => fetchRelease(to, release) };
    const found = await locateNatsServer({ cacheDir: folder, searchPath: '', log, sources: [source] });
    expect(found).toEqual({ path: join(folder, 'nats-server/2.15.0/nats-server'), version: '2.15.0' });
    server.close();
  });

  it('when the archive is not the expected one › refuses it', async () => {
    const server = await serve('not the archive');
    const { port } = server.address() as AddressInfo;
    const release = { url: `http://127.0.0.1:${port}/nats.tar.gz`, sha256: 'ab'.repeat(32) };
    await expect(fetchRelease(folder, release)).rejects.toThrow(/has the SHA-256 \w{64} instead of (ab){32}/);
    expect(await readdir(folder)).toEqual([]);
    server.close();
  });
});

async function fakeServer(inFolder: string, version: string): Promise<string> {
  const path = join(inFolder, 'nats-server');
  await mkdir(inFolder, { recursive: true });
  await writeFile(path, `#!/bin/sh\necho nats-server: v${version}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Packed as the official archives are: everything in one folder. */
async function releaseArchive(): Promise<Buffer> {
  await fakeServer(join(folder, 'nats-server-v2.15.0'), '2.15.0');
  const packing = promisify(execFile)('tar', ['-cz', '-C', folder, 'nats-server-v2.15.0'], { encoding: 'buffer' });
  return (await packing).stdout;
}

async function serve(body: string | Buffer): Promise<Server> {
  const server = createServer((_, response) => response.end(body));
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)));
  return server;
}
