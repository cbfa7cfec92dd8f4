/** A script of the benchmark in a process of its own, which ends with this one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What such a script tells. */
export interface Report {
  readonly ready?: true;
  /** Jobs that were begun, each with the time of `now()`. */
  readonly started?: readonly (readonly [jobId: string, at: number])[];
  /** Jobs whose end was stored since the last report. */
  readonly completed?: number;
}

export class BenchProcess {
  private constructor(
    private readonly script: string,
    private readonly child: ChildProcess,
  ) {}

  /** @param script path below `bench/` */
  static async start(script: string, environment: Record<string, string>): Promise<BenchProcess> {
    const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
    const child = spawn(process.execPath, [...process.execArgv, path], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const started = new BenchProcess(script, child);
    await Promise.race([once(child, 'message'), once(child, 'exit').then(() => started.died())]);
    return started;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  onReport(listener: (report: Report) => void): void {
    this.child.on('message', (report) => listener(report as Report));
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  private died(): never {
    throw new Error(`${this.script} ended before it was ready`);
  }
}
