import type { ProgressMessage } from '#contracts/progress.js';

/** When the workers of running jobs were last heard of. In memory: what came before the start is not known. */
export class SignsOfLife {
  private readonly last = new Map<string, { attempt: number; at: number }>();

  /** `since`: when listening began; until then every worker has the benefit of the doubt. */
  constructor(private readonly since: number) {}

  note({ jobId, attempt }: Pick<ProgressMessage, 'jobId' | 'attempt'>, now: number): void {
    this.last.set(jobId, { attempt, at: now });
  }

  /** A sign of an earlier attempt says nothing about the worker of this one. */
  lastOf(jobId: string, attempt: number): number {
    const sign = this.last.get(jobId);
    return sign?.attempt === attempt ? Math.max(sign.at, this.since) : this.since;
  }

  forgetBefore(time: number): void {
    for (const [jobId, { at }] of this.last) if (at < time) this.last.delete(jobId);
  }
}
