/** The workers of a peer: as many processes as there are slots, each with one job at a time, like GPU workers. */
import { BenchProcess } from '../src/child-process.js';
import type { SystemListener } from '../src/queue-system.js';

export class WorkerProcesses {
  private listener: SystemListener | undefined;

  private constructor(private readonly processes: readonly BenchProcess[]) {
    for (const process of processes) {
      process.onReport(({ started = [], completed = 0 }) => {
        for (const [jobId, at] of started) this.listener?.started(jobId, at);
        if (completed > 0) this.listener?.completed(completed);
      });
    }
  }

  static async start(script: string, count: number, environment: Record<string, string>): Promise<WorkerProcesses> {
    const starts = Array.from({ length: count }, () => BenchProcess.start(script, environment));
    return new WorkerProcesses(await Promise.all(starts));
  }

  listen(listener: SystemListener): void {
    this.listener = listener;
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
  }
}
