/** A running job's progress: a full snapshot, sent on core NATS and not stored. It never changes a job's status. */
export interface ProgressMessage {
  readonly jobId: string;
  /** Snapshots of an older attempt are dropped. 0 while the prompt is enhanced, which comes before the first attempt. */
  readonly attempt: number;
  /** 0 to 100 of what the sender does: of the enhancement or of the generation, never of both. */
  readonly percent: number;
  readonly stage: 'enhancing' | 'loading' | 'generating' | 'decoding' | 'storing';
  readonly step: number;
  readonly steps: number;
}

/** The part of an enhanced job's whole progress, in percent, that is done when its prompt is. */
export const ENHANCING_PERCENT = 15;
