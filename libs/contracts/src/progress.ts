/** A running job's progress: a full snapshot, sent on core NATS and not stored. It never changes a job's status. */
export interface ProgressMessage {
  readonly jobId: string;
  /** Snapshots of an older attempt are dropped. */
  readonly attempt: number;
  /** 0 to 100. */
  readonly percent: number;
  readonly stage: 'loading' | 'generating' | 'decoding' | 'storing';
  readonly step: number;
  readonly steps: number;
}
