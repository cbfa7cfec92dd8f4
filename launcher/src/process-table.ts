import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { unlessMissing } from '#service-kit/file-errors.js';

/** A running process as the operating system sees it. */
export interface RunningProcess {
  /** Process id of the parent; it changes when the parent dies. */
  parent: number;
  /** The command line, arguments joined with spaces. */
  command: string;
}

/** Looks a process up; undefined when there is none with this id or only its exit status is left (a zombie). */
export async function findProcess(pid: number): Promise<RunningProcess | undefined> {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

async function fromProc(pid: number): Promise<RunningProcess | undefined> {
  const stat = await unlessMissing(readFile(`/proc/${pid}/stat`, 'utf8'));
  const command = await unlessMissing(readFile(`/proc/${pid}/cmdline`, 'utf8'));
  if (!stat || !command) return undefined;
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(parent), command: command.replaceAll('\0', ' ').trim() };
}

async function fromPs(pid: number): Promise<RunningProcess | undefined> {
  const listed = await promisify(execFile)('ps', ['-o', 'ppid=,command=', '-p', String(pid)]).catch(() => undefined);
  const match = /^\s*(\d+)\s+(.*)$/m.exec(listed?.stdout ?? '');
  return match?.[1] && match[2] ? { parent: Number(match[1]), command: match[2] } : undefined;
}
