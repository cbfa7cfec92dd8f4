import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '#launcher/poll.js';
import { findProcess } from '#launcher/process-table.js';
import { type ScratchFolder, scratchFolder } from '../support/scratch-folder.js';

/** The compiled programs: `npm test` builds before it runs vitest. */
const program = (name: string) => fileURLToPath(new URL(`../../dist/launcher/src/${name}.js`, import.meta.url));
const GONE_WITHIN_MS = 15_000;
const PROCESSES = ['nats-server', 'postgres', 'jobs/', 'gateway/', 'sdxl-worker/', 'wan-worker/', 'enhancer/'];

let folder: ScratchFolder;
let dataDir: string;
let launcher: Launcher | undefined;

beforeAll(async () => {
  folder = await scratchFolder();
  dataDir = join(folder.path, 'data');
});
afterEach(() => launcher?.child.kill('SIGKILL'));
afterAll(() => folder.remove());

interface Launcher {
  child: ChildProcess;
  lines: string[];
  /** Waits for a line and yields what the pattern's first group caught. */
  untilLine(pattern: RegExp): Promise<string>;
}

it('first start › makes the demonstration job; SIGTERM › ends all of it', async () => {
  launcher = start();
  await launcher.untilLine(/ready after/);
  await launcher.untilLine(/5\.png$/);
  const files = launcher.lines.map((line) => line.trim()).filter((line) => line.endsWith('.png'));
  expect(files).toHaveLength(6);
  for (const file of files) expect((await stat(file)).size).toBeGreaterThan(1_000);
  expect((await stat(join(dataDir, 'connection.json'))).mode & 0o777).toBe(0o600);
  const processes = await childrenOf(launcher.child);
  for (const name of PROCESSES) expect(processes.map(({ command }) => command).join('\n')).toContain(name);
  launcher.child.kill('SIGTERM');
  expect(await once(launcher.child, 'exit')).toEqual([0, null]);
  await expectGone(processes);
});

it('second start › has everything still, refuses company, and leaves nothing when it is killed', async () => {
  launcher = start();
  const url = await launcher.untilLine(/ready after .*: (http\S+)/);
  const answer = await fetch(`${url}/api/jobs`, { headers: { authorization: `Bearer ${await token('demo')}` } });
  const { jobs } = (await answer.json()) as { jobs: { status: string }[] };
  expect(jobs.map(({ status }) => status)).toEqual(['completed']);
  const [code, words] = await run('main', []);
  expect(code).toBe(1);
  expect(words).toContain(`in use by another launcher (process ${launcher.child.pid})`);
  const processes = await childrenOf(launcher.child);
  expect(processes.length).toBeGreaterThanOrEqual(PROCESSES.length);
  launcher.child.kill('SIGKILL');
  await expectGone(processes);
});

it('when the port is taken › says what to do', async () => {
  const [code, words] = await run('main', [], {
    PORT: String(await takenPort()),
    DATA_DIR: join(folder.path, 'other'),
  });
  expect([code, words]).toEqual([1, expect.stringMatching(/Port \d+ of 127\.0\.0\.1 is taken .* PORT=\d+ npm start/)]);
});

it('when there was no start yet › the token command says so, and prints no token', async () => {
  const [code, words] = await run('token', ['--user', 'alice'], { DATA_DIR: join(folder.path, 'empty') });
  expect([code, words]).toEqual([1, expect.stringContaining('start the platform once (npm start)')]);
});

function start(): Launcher {
  const child = spawn(process.execPath, [program('main')], { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const find = (pattern: RegExp) => lines.map((line) => pattern.exec(line)).find((match) => match !== null);
  const untilLine = async (pattern: RegExp) => {
    while (!find(pattern)) await Promise.race([once(reader, 'line'), once(child, 'exit').then(() => fail(lines))]);
    return find(pattern)?.[1] ?? '';
  };
  return { child, lines, untilLine };
}

function fail(lines: string[]): never {
  throw new Error(`The launcher ended:\n${lines.join('\n')}`);
}

function environment(more: Record<string, string> = {}) {
  const { NATS_URL: _, DATABASE_URL: __, ...own } = process.env;
  return { ...own, DATA_DIR: dataDir, PORT: '0', PREVIEW_DURATION_MS: '0', ...more };
}

/** Runs a program to its end: its exit code, and what it wrote on both streams. */
async function run(name: string, args: string[], more: Record<string, string> = {}): Promise<[number, string]> {
  const child = spawn(process.execPath, [program(name), ...args], { env: environment(more) });
  const [words, complaints, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return [code, words + complaints];
}

async function token(user: string): Promise<string> {
  const [, words] = await run('token', ['--user', user]);
  return words.trim();
}

/** A port that this process listens on. */
async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

interface Child {
  pid: number;
  command: string;
}

async function childrenOf({ pid: parent }: ChildProcess): Promise<Child[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const found = await Promise.all(pids.map(async (pid) => ({ pid, ...(await findProcess(pid)) })));
  return found.flatMap(({ pid, command, parent: its }) => (its === parent && command ? [{ pid, command }] : []));
}

/** Gone, or another process by now. */
async function expectGone(processes: Child[]): Promise<void> {
  for (const { pid, command } of processes) {
    const gone = async () => ((await findProcess(pid))?.command === command ? undefined : true);
    await pollUntil(`the end of ${command}`, GONE_WITHIN_MS, gone);
  }
}
