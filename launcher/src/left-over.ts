import { readFile, writeFile } from 'node:fs/promises';
import { errorCode, unlessMissing } from '#service-kit/file-errors.js';
import { pollFor, pollUntil } from './poll.js';
import { findProcess } from './process-table.js';

/** Where a server keeps the traces by which a later start finds it again. */
export interface ServerTraces {
  /** For messages: `NATS server`, `PostgreSQL`. */
  name: string;
  /** The folder whose data the server holds. */
  folder: string;
  /** File whose first line is the server's process id. */
  pidFile: string;
  /** File with the id of the process that started the server. */
  ownerFile: string;
  /** Text that is in this server's command line and in no other's. */
  marker: string;
  /** Asks the server to end in order. */
  stopSignal: NodeJS.Signals;
}

const STOP_TIMEOUT_MS = 20_000;

/**
 * Stops a server whose launcher died without stopping it. A server is left over when its parent is no longer the
 * process that started it, so a recycled process id cannot be taken for the owner.
 *
 * It is stopped, not taken over: its options may differ from those wanted now, and a stop takes milliseconds.
 *
 * @throws when the server still belongs to a living launcher
 */
export async function stopLeftOver(traces: ServerTraces, log: (message: string) => void): Promise<void> {
  const pid = await readPid(traces.pidFile);
  const found = pid === undefined ? undefined : await findProcess(pid);
  if (pid === undefined || !found?.command.includes(traces.marker)) return;
  if (found.parent === (await readPid(traces.ownerFile))) {
    throw new Error(
      `${traces.folder} is in use: process ${found.parent} runs the ${traces.name} (process ${pid}) on it`,
    );
  }
  log(`Stopping the ${traces.name} (process ${pid}) that an earlier run left behind`);
  await endProcess(pid, traces);
}

/** Notes this process as the one that is about to start the server. */
export async function claim(traces: ServerTraces): Promise<void> {
  await writeFile(traces.ownerFile, `${process.pid}\n`);
}

/** The process id on the first line of `file`; undefined when there is no such file or line. */
export async function readPid(file: string): Promise<number | undefined> {
  const text = await unlessMissing(readFile(file, 'utf8'));
  const pid = Number.parseInt(text ?? '', 10);
  return pid > 0 ? pid : undefined;
}

async function endProcess(pid: number, traces: ServerTraces): Promise<void> {
  const gone = async () => ((await findProcess(pid))?.command.includes(traces.marker) ? undefined : true);
  signal(pid, 'SIGCONT');
  signal(pid, traces.stopSignal);
  if (await pollFor(STOP_TIMEOUT_MS, gone)) return;
  signal(pid, 'SIGKILL');
  await pollUntil(`the end of process ${pid} after SIGKILL`, STOP_TIMEOUT_MS, gone);
}

/** A process that ended by itself in the meantime is what the caller wants. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}
