import { type ChildProcess, spawn } from 'node:child_process';
import { guardProcess } from './orphan-guard.js';
import { settlesWithin } from './poll.js';

/** How to run a service. */
export interface ServiceCommand {
  name: string;
  /** The JavaScript file to run. */
  entry: string;
  /** Node's own flags. */
  nodeFlags: readonly string[];
  cwd: string;
  /** The whole environment. */
  environment: Record<string, string>;
}

/** How a process ended. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** How long a service may take to stop in order. */
const GRACE_MS = 10_000;

/**
 * One run of a service: a Node.js process in a session of its own, so that a Ctrl-C in the terminal reaches only the
 * launcher. It ends when the launcher does: its IPC channel closes, and a guard ends it when it does not heed that.
 */
export class ServiceProcess {
  /** Settles when the service says that it does its work; never when it ends before. */
  readonly ready: Promise<void>;
  /** Settles when the process is gone. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;

  constructor(command: ServiceCommand) {
    this.#child = spawn(process.execPath, [...command.nodeFlags, command.entry], {
      cwd: command.cwd,
      env: command.environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.ready = new Promise((resolve) => {
      this.#child.on('message', (message) => isReadiness(message) && resolve());
    });
    this.ended = endOf(this.#child);
    if (this.#child.pid !== undefined) void this.ended.then(guardProcess(this.#child.pid, 'SIGTERM'));
  }

  /** Its output; both streams. */
  get outputs() {
    const { stdout, stderr } = this.#child;
    return [stdout, stderr].filter((stream) => stream !== null);
  }

  /** Process id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends it in order, or by force after 10 s; `onForce` is told then. */
  async stop(onForce: () => void): Promise<void> {
    this.#child.kill('SIGCONT');
    this.#child.kill('SIGTERM');
    if (await settlesWithin(this.ended, GRACE_MS)) return;
    onForce();
    this.kill();
    await this.ended;
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** All output has been read when this settles. */
function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    // Node.js cannot be started: the same as a process that ended at once.
    child.once('error', () => resolve({ code: 127, signal: null }));
  });
}

function isReadiness(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'ready' in message && message.ready === true;
}
