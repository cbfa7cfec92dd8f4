/** How much memory the processes take: resident, as the system counts it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface WatchedProcess {
  readonly name: string;
  readonly pid: number;
}

const EVERY_MS = 500;

/** The highest resident size of each kind of process, in MB (10^6 bytes). */
export class MemoryWatch {
  private watched: readonly WatchedProcess[] = [];
  private readonly highest = new Map<string, number>();
  private readonly timer = setInterval(() => void this.look(), EVERY_MS).unref();

  /** From now on these; those of before are gone. */
  watch(processes: readonly WatchedProcess[]): void {
    this.watched = processes;
  }

  peaks(): ReadonlyMap<string, number> {
    return this.highest;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    for (const [name, size] of await residentSizes(this.watched)) {
      this.highest.set(name, Math.max(size, this.highest.get(name) ?? 0));
    }
  }
}

/** By name; of several with one name the largest. Processes that are gone are left out. */
export async function residentSizes(processes: readonly WatchedProcess[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  if (processes.length === 0) return sizes;
  const names = new Map(processes.map(({ name, pid }) => [pid, name]));
  for (const line of (await listed([...names.keys()])).trim().split('\n')) {
    const [pid = 0, kibibytes = 0] = line.trim().split(/\s+/).map(Number);
    const name = names.get(pid);
    if (name) sizes.set(name, Math.max((kibibytes * 1024) / 1e6, sizes.get(name) ?? 0));
  }
  return sizes;
}

/** `ps` fails when none of them is there any more. */
async function listed(pids: readonly number[]): Promise<string> {
  try {
    return (await promisify(execFile)('ps', ['-o', 'pid=,rss=', '-p', pids.join(',')])).stdout;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 1) return '';
    throw error;
  }
}
