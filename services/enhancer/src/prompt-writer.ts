/** Who turns a prompt into a description: a language model, or the preview's templates. */
import type { Answer } from './answer.js';

export interface WritingTask {
  readonly original: string;
  /** 0 to 2^32 - 1. The same task with another seed may be written otherwise. */
  readonly seed: number;
  /** An earlier answer to the same task that was too long. */
  readonly tooLong?: string;
}

export interface PromptWriter {
  /** Goes into events and answers. */
  readonly model: string;
  /** Resolves when it can write. */
  setup(signal: AbortSignal): Promise<void>;
  /**
   * Calls `onText` with all that is written so far. Rejects with the signal's reason soon after an abort, and with
   * `WriterError` for what is not the task's fault.
   */
  write(task: WritingTask, onText: (soFar: string) => void, signal: AbortSignal): Promise<Answer>;
}

/** Nothing was written. `retryable`: another try may succeed, after `retryAfterMs` where the writer says so. */
export class WriterError extends Error {
  override readonly name = 'WriterError';

  constructor(
    message: string,
    readonly retryable: boolean,
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
