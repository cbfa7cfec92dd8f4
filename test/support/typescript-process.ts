import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A script that runs beside the test. */
export interface TypeScriptProcess {
  /** The first line that it wrote. */
  firstLine: string;
  /** Ends it without warning, as SIGKILL does. */
  kill(): void;
}

const HOOKS = new URL('../../scripts/run/typescript-hooks.mjs', import.meta.url);

/** Runs a script of this repository from source in a process of its own, up to its first line of output. */
export async function runTypeScript(script: URL, args: string[] = []): Promise<TypeScriptProcess> {
  const flags = ['--conditions=source', '--disable-warning=ExperimentalWarning', '--import', HOOKS.href];
  const child = spawn(process.execPath, [...flags, fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { firstLine: await firstLine(child), kill: () => void child.kill('SIGKILL') };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('The script has no output');
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), once(child, 'exit').then(failure)]);
  return String(line);
}

function failure(): never {
  throw new Error('The script ended without a line of output');
}
