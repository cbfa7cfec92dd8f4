import type { EngineName } from './streams.js';

/** What a worker says of itself every few seconds, on core NATS. */
export interface WorkerPresence {
  readonly worker: string;
  readonly engine: EngineName;
  readonly state: 'idle' | 'busy' | 'draining' | 'leaving';
  /** The job in hand. */
  readonly jobId?: string;
  /** Of an outside worker: when it was heard. */
  readonly startedAt: string;
  /** It does not speak NATS: jobs says this for it. */
  readonly outside?: boolean;
}
