import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { guardProcess } from './orphan-guard.js';
import { settlesWithin } from './poll.js';

/** How to run one server as a child process. */
export interface ServerCommand {
  /** For messages. */
  name: string;
  program: string;
  args: string[];
  cwd: string;
  /** Standard output and error are appended here. */
  logFile: string;
  /** The account to run as; only root may choose one. */
  account?: { uid: number; gid: number };
  /** Open descriptors that the child gets as 3, 4, …. */
  descriptors?: number[];
  /** Sent to the server when this process dies without stopping it. */
  orphanSignal: NodeJS.Signals;
}

const GRACE_MS = 20_000;

/**
 * A server that runs as a child: in a session of its own, so that a Ctrl-C in the terminal reaches only the launcher,
 * which stops its servers in order; and under a guard that ends it when the launcher dies.
 */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #command: ServerCommand;
  readonly #logStart: number;

  private constructor(command: ServerCommand, child: ChildProcess, logStart: number) {
    this.#command = command;
    this.#child = child;
    this.#logStart = logStart;
    this.#exited = new Promise((resolve) => child.once('exit', resolve));
  }

  /** Starts the server. It is up when its own readiness signal says so, not when this returns. */
  static async spawn(command: ServerCommand): Promise<ServerProcess> {
    const logStart = await fileSize(command.logFile);
    const child = spawnChild(command);
    // 'spawn' or 'error': a missing program or account is thrown here.
    await once(child, 'spawn');
    const server = new ServerProcess(command, child, logStart);
    const release = guardProcess(server.pid, command.orphanSignal);
    child.once('exit', release);
    return server;
  }

  /** The server's process id. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#command.name} was not started`);
    return this.#child.pid;
  }

  /** Whether the process is still there. */
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Settles when the process has ended, for whatever reason. */
  async ended(): Promise<void> {
    if (this.running) await this.#exited;
  }

  /** Sends a signal; nothing happens when the process has ended. */
  signal(name: NodeJS.Signals): void {
    if (this.running) this.#child.kill(name);
  }

  /** Ends the server in order with `name`, or with SIGKILL when it does not obey. */
  async stop(name: NodeJS.Signals): Promise<void> {
    // A stopped (SIGSTOP) process would not see the signal.
    this.signal('SIGCONT');
    this.signal(name);
    if (await settlesWithin(this.ended(), GRACE_MS)) return;
    this.signal('SIGKILL');
    await this.ended();
  }

  /** What the server has written since this start. */
  async output(): Promise<string> {
    const text = await readFile(this.#command.logFile);
    return text.subarray(this.#logStart).toString('utf8');
  }

  /** Throws with the server's last words when it has ended. */
  async assertRunning(): Promise<void> {
    if (this.running) return;
    const lastLines = (await this.output()).trim().split('\n').slice(-12).join('\n');
    throw new Error(`${this.#command.name} ended while starting (${this.#command.logFile}):\n${lastLines}`);
  }
}

function spawnChild(command: ServerCommand): ChildProcess {
  const log = openSync(command.logFile, 'a', 0o600);
  try {
    return spawn(command.program, command.args, {
      cwd: command.cwd,
      // Variables such as PGDATA or NATS_* of the caller must not reach a server that we configure ourselves.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', log, log, ...(command.descriptors ?? [])],
      detached: true,
      ...command.account,
    });
  } finally {
    closeSync(log);
  }
}

async function fileSize(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  return found?.size ?? 0;
}
