import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { wholeNumber } from '../chaos/chaos-options.js';

/** What one run does. */
export interface SoakOptions {
  readonly seconds: number;
  /** Jobs that clients want to have accepted in that time. */
  readonly jobs: number;
  readonly faultEveryMs: number;
  /** The same seed makes the same jobs, faults and kills at the same times. */
  readonly seed: number;
  /** Print JSON instead of a table. */
  readonly json: boolean;
}

const MINUTES = 5;
const JOBS_A_SECOND = 5;
/** For a glance: with starting and proving a minute. */
const SHORT_SECONDS = 15;
const FAULT_EVERY_MS = 3_000;
const SEEDS = 2 ** 31;

/** @throws with a message for the user when an argument is unknown or no number. */
export function parseSoakOptions(args: string[]): SoakOptions {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string' },
      seed: { type: 'string' },
      short: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const minutes = wholeNumber('minutes', values.minutes);
  const seconds = minutes === undefined && values.short ? SHORT_SECONDS : (minutes ?? MINUTES) * 60;
  const seed = wholeNumber('seed', values.seed) ?? randomInt(SEEDS);
  return { seconds, jobs: seconds * JOBS_A_SECOND, faultEveryMs: FAULT_EVERY_MS, seed, json: values.json };
}
