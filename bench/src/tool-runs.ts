/** Runs of `ourvidz-events`, with their time and memory. */
import { startEventsTool, type Whereabouts } from '../../test/support/events-tool.js';
import type { MemoryWatch } from './memory.js';

export interface MeasuredRun {
  /** Of the whole process, its start included. */
  readonly seconds: number;
  /** The most that it had, in MB (10^6 bytes), resident. */
  readonly megabytes: number;
  readonly stdout: string;
}

/** Rejects unless it ends with 0. */
export async function measuredRun(
  args: readonly string[],
  where: Whereabouts,
  memory: MemoryWatch,
): Promise<MeasuredRun> {
  const name = `ourvidz-events ${args.join(' ')}`;
  const startedAt = performance.now();
  const { child, ended } = startEventsTool(args, where);
  memory.watch([{ name, pid: child.pid ?? 0 }]);
  const { code, stdout, stderr } = await ended;
  const seconds = (performance.now() - startedAt) / 1_000;
  memory.watch([]);
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}${stdout}`);
  return { seconds, megabytes: memory.peaks().get(name) ?? Number.NaN, stdout };
}
