import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/**
 * Starts a program whose parent is gone, as a killed launcher leaves its servers.
 *
 * @returns the process id
 */
export async function leaveBehind(
  program: string,
  args: string[],
  account?: { uid: number; gid: number },
): Promise<number> {
  const script = '"$@" >/dev/null 2>&1 </dev/null & echo $!';
  const shell = spawn('/bin/sh', ['-c', script, 'sh', program, ...args], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'ignore'],
    ...account,
  });
  return Number(await text(shell.stdout));
}
