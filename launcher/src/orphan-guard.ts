import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Why a shell and a pipe: `PR_SET_PDEATHSIG` exists only on Linux, and Node.js offers no way to set it. A pipe whose
 * writing end only this process holds closes on every death, SIGKILL included, on every Unix.
 */
const END_PROCESS = `
read -r _
kill -s "$2" "$1" || exit 0
n=0
while kill -0 "$1" && [ $n -lt 100 ]; do
  # Ended, but nobody collects its exit status: process 1 of a container may not.
  grep -q '^State:.Z' "/proc/$1/status" && exit 0
  n=$((n + 1)); sleep 0.1
done
kill -s CONT "$1"; kill -s KILL "$1"`;

const REMOVE_FOLDER = `
read -r _
n=0
until rm -rf "$1" || [ $n -ge 100 ]; do n=$((n + 1)); sleep 0.1; done`;

/**
 * Ends the process `pid` with `signal` (and SIGKILL 10 s later) as soon as this process is gone.
 *
 * @returns releases the guard; call it when the process has ended by itself
 */
export function guardProcess(pid: number, signal: NodeJS.Signals): () => void {
  return guard(END_PROCESS, [String(pid), signal.replace('SIG', '')]);
}

/**
 * Removes `folder` as soon as this process is gone.
 *
 * @returns releases the guard; call it when the folder has been removed
 */
export function guardFolder(folder: string): () => void {
  return guard(REMOVE_FOLDER, [folder]);
}

function guard(script: string, args: string[]): () => void {
  const shell = spawn('/bin/sh', ['-c', script, 'orphan-guard', ...args], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  (shell.stdin as Socket).unref();
  return () => void shell.kill('SIGKILL');
}
