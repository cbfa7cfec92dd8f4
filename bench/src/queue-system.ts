/** What all that is compared has in common: jobs go in, workers take them, their ends are stored. */

export interface SystemListener {
  /** A worker has begun the job; `at` is a time of `now()`. */
  started(jobId: string, at: number): void;
  /** So many more jobs have a stored end. */
  completed(count: number): void;
}

export interface QueueSystem {
  /** For the table. */
  readonly name: string;
  /** What an accepted job survives, in the words of its settings. */
  readonly durability: string;
  /** Resolves with the job's id when the system has accepted the job for good. */
  submit(): Promise<string>;
  listen(listener: SystemListener): void;
  close(): Promise<void>;
}
