/** `ourvidz-events` as its users run it: a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The compiled tool. */
const TOOL = fileURLToPath(new URL('../../dist/services/jobs/src/events-tool/main.js', import.meta.url));

/** As `scripts/run/commands.mjs` runs it. */
const FLAGS = ['--enable-source-maps', '--max-semi-space-size=4'];

/** `DATABASE_URL`, `NATS_URL`, `NATS_CREDS`, as far as the command needs them. */
export type Whereabouts = Readonly<Record<string, string>>;

export interface ToolRun {
  /** Null when it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningTool {
  readonly child: ChildProcess;
  readonly ended: Promise<ToolRun>;
}

export function startEventsTool(args: readonly string[], where: Whereabouts): RunningTool {
  const child = spawn(process.execPath, [...FLAGS, TOOL, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...where },
  });
  return { child, ended: endOf(child) };
}

export function runEventsTool(args: readonly string[], where: Whereabouts): Promise<ToolRun> {
  return startEventsTool(args, where).ended;
}

async function endOf(child: ChildProcess): Promise<ToolRun> {
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
    });
  }
  // `close` comes when everything that it wrote was read.
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...written };
}
