import type { MemoryWatch } from './memory.js';
import type { Row } from './report.js';

export interface MeasureOptions {
  /** Shorter, and less to be trusted. */
  readonly quick: boolean;
  /** Told which processes there are. */
  readonly memory: MemoryWatch;
}

/** One part of the benchmark: starts what it needs, measures, and leaves nothing behind. */
export interface Measure {
  /** For `--only`. */
  readonly name: string;
  /** Over its table. */
  readonly title: string;
  run(options: MeasureOptions): Promise<Row[]>;
}
