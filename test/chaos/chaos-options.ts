import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Habits } from './clients.js';

/** What one run does. */
export interface ChaosOptions {
  /** What clients do with their jobs, if not the usual. */
  readonly habits?: Habits;
  /** Jobs that clients want to have accepted. */
  readonly jobs: number;
  /** Over how long the jobs are posted; faults come for as long. */
  readonly seconds: number;
  readonly faultEveryMs: number;
  /** The same seed makes the same jobs and the same faults at the same times. */
  readonly seed: number;
  /** Print JSON instead of a table. */
  readonly json: boolean;
}

const USUAL = { jobs: 1_000, seconds: 120, faultEveryMs: 2_000 };
/** For CI. */
const SHORT = { jobs: 200, seconds: 25, faultEveryMs: 1_500 };
const SEEDS = 2 ** 31;

/** @throws with a message for the user when an argument is unknown or no number. */
export function parseChaosOptions(args: string[]): ChaosOptions {
  const { values } = parseArgs({
    args,
    options: {
      jobs: { type: 'string' },
      seconds: { type: 'string' },
      'fault-every': { type: 'string' },
      seed: { type: 'string' },
      short: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const usual = values.short ? SHORT : USUAL;
  return {
    jobs: wholeNumber('jobs', values.jobs) ?? usual.jobs,
    seconds: wholeNumber('seconds', values.seconds) ?? usual.seconds,
    faultEveryMs: wholeNumber('fault-every', values['fault-every']) ?? usual.faultEveryMs,
    seed: wholeNumber('seed', values.seed) ?? randomInt(SEEDS),
    json: values.json,
  };
}

/** @throws with a message for the user when it is none above 0 */
export function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new Error(`--${name} must be a whole number above 0, not "${text}"`);
  return Number(text);
}
