import type { EventType } from '#contracts/events/registry.js';
import type { Transaction } from '../database/database.js';
import type { LoggedEvent } from '../event-log/logged-event.js';

/** The name under which one build of a projection has a table. */
export type TableNames = (table: string) => string;

/**
 * What one projection takes and writes, in one file. Several builds of its tables may lie side by side, so it asks for
 * the name of every table that it makes or writes. What it writes does not depend on how the log is cut into batches, nor
 * on anything but the log: two builds of one version are alike, row for row.
 */
export interface Projection {
  readonly name: string;
  /** Raised when its tables or what it writes into them changes. */
  readonly version: number;
  readonly takes: readonly EventType[];
  /** Readers find each under this name, whatever version is live. */
  readonly tables: readonly string[];
  createTables(tx: Transaction, named: TableNames): Promise<void>;
  /** Writes what the events mean. They come in the order of the log; some may have been applied before. */
  apply(tx: Transaction, named: TableNames, events: readonly LoggedEvent[]): Promise<void>;
}

/** `jobs` → `jobs_v1`; the second build of a version has `jobs_v1_b2`. */
export function tableNames(version: number, build = 1): TableNames {
  return (table) => (build === 1 ? `${table}_v${version}` : `${table}_v${version}_b${build}`);
}
