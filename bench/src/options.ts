/** The command line of the benchmark. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly quick: boolean;
  readonly json: boolean;
  /** Names of measures; undefined: all. */
  readonly only?: readonly string[];
}

/** @throws for options that there are not */
export function readOptions(args: string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, only: { type: 'string' } },
  });
  const only = values.only?.split(',').map((name) => name.trim());
  return { quick: values.quick ?? false, json: values.json ?? false, only };
}
