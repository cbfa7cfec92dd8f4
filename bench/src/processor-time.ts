import { readFile } from 'node:fs/promises';

/** The kernel counts in hundredths of a second, on every architecture that Node.js runs on. */
const TICK_MS = 10;

/** Milliseconds of processor time that a process has used. NaN where the system has no `/proc`. */
export async function processorTime(pid: number): Promise<number> {
  if (process.platform !== 'linux') return Number.NaN;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in parentheses; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
