import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { guardProcess } from '#launcher/orphan-guard.js';

/**
 * Freezes a process and its children, as PostgreSQL's, each of which would go on without the others. Should this process
 * die meanwhile, they are ended instead of standing still for ever.
 *
 * @returns lets them go on
 */
export async function freeze(pid: number): Promise<() => void> {
  const family = [pid, ...(await childrenOf(pid))];
  const releases = family.map((member) => guardProcess(member, 'SIGKILL'));
  for (const member of family) signalIfThere(member, 'SIGSTOP');
  return () => {
    for (const release of releases) release();
    for (const member of family) signalIfThere(member, 'SIGCONT');
  };
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  const pairs = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!gone) throw error;
  }
}
