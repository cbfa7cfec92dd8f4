/** Which fault hits what, and when. Follows from the seed alone. */
import { SeededRandom } from '#worker/preview/seeded-random.js';

/** What can be hit. Services are numbered from 1. */
export interface Targets {
  readonly gateways: readonly string[];
  readonly jobs: readonly string[];
  readonly workers: readonly string[];
}

export const KINDS = [
  'kill',
  'terminate',
  'pause',
  'cut off',
  'black hole',
  'disk full',
  'disk read-only',
  'disk gone',
] as const;
export type FaultKind = (typeof KINDS)[number];

/** One fault. Times in milliseconds; `atMs` counts from the start of the load. */
export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly target: string;
  /** How long the target is paused, cut off, full or down. */
  readonly lastsMs: number;
}

export const NATS = 'nats';
export const POSTGRES = 'postgres';
export const ASSETS = 'assets';

const PROCESS_FAULTS = ['kill', 'kill', 'terminate', 'pause'] as const;
const NETWORK_FAULTS = ['cut off', 'black hole'] as const;
const DISK_FAULTS = ['disk full', 'disk read-only', 'disk gone'] as const;

/** Milliseconds, from and to. */
const DURATIONS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [0, 1_500],
  terminate: [0, 1_500],
  pause: [1_000, 8_000],
  'cut off': [500, 6_000],
  'black hole': [1_000, 8_000],
  'disk full': [500, 5_000],
  'disk read-only': [500, 5_000],
  'disk gone': [500, 3_000],
};

/** Time for a target to come back before it is hit again: a fault on what is down is none. */
const REST_MS = 3_000;
const DRAWS = 50;

/** One fault every `everyMs`, none on a target that is still under an earlier one. */
export function planFaults(
  targets: Targets,
  { seed, everyMs, untilMs }: { seed: number; everyMs: number; untilMs: number },
): Fault[] {
  const random = new SeededRandom(seed);
  const busyUntil = new Map<string, number>();
  const faults: Fault[] = [];
  for (let atMs = everyMs; atMs < untilMs; atMs += everyMs) {
    const fault = drawFree(random, targets, atMs, busyUntil);
    if (!fault) continue;
    busyUntil.set(fault.target, atMs + fault.lastsMs + REST_MS);
    faults.push(fault);
  }
  return faults;
}

function drawFree(random: SeededRandom, targets: Targets, atMs: number, busyUntil: Map<string, number>) {
  for (let draw = 0; draw < DRAWS; draw++) {
    const fault = drawFault(random, targets, atMs);
    if ((busyUntil.get(fault.target) ?? 0) <= atMs) return fault;
  }
  return undefined;
}

function drawFault(random: SeededRandom, targets: Targets, atMs: number): Fault {
  const { target, kinds } = drawTarget(random, targets);
  const kind = pick(random, kinds);
  const [from, to] = DURATIONS[kind];
  return { atMs, kind, target, lastsMs: random.integer(from, to) };
}

/** What dies most often in the field is hit most often: workers, then the other services. */
function drawTarget(random: SeededRandom, { gateways, jobs, workers }: Targets) {
  const services = [...gateways, ...jobs, ...workers];
  const draws: { weight: number; targets: readonly string[]; kinds: readonly FaultKind[] }[] = [
    { weight: 5, targets: workers, kinds: PROCESS_FAULTS },
    { weight: 3, targets: gateways, kinds: PROCESS_FAULTS },
    { weight: 3, targets: jobs, kinds: PROCESS_FAULTS },
    { weight: 2, targets: [NATS], kinds: PROCESS_FAULTS },
    { weight: 2, targets: [POSTGRES], kinds: PROCESS_FAULTS },
    { weight: 3, targets: services, kinds: NETWORK_FAULTS },
    { weight: 2, targets: [ASSETS], kinds: DISK_FAULTS },
  ];
  const tickets = draws.flatMap((draw) => Array.from({ length: draw.weight }, () => draw));
  const { targets, kinds } = pick(random, tickets);
  return { target: pick(random, targets), kinds };
}

/** @throws when there is nothing to choose from. */
function pick<T>(random: SeededRandom, choices: readonly T[]): T {
  const [chosen] = choices.slice(random.integer(0, choices.length - 1));
  if (chosen === undefined) throw new Error('there is nothing to choose from');
  return chosen;
}
