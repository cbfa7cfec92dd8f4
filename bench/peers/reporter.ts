/** What a process of the benchmark tells the one that started it. */
import type { Report } from '../src/child-process.js';
import { now } from '../src/clock.js';

const EVERY_MS = 10;

let started: [string, number][] = [];
let completed = 0;

/** Says that the work begins, and ends this process when nobody listens any more. */
export function announce(): void {
  process.on('disconnect', () => process.exit());
  send({ ready: true });
  setInterval(flush, EVERY_MS);
}

/** The handler has the job. */
export function begun(jobId: string): void {
  started.push([jobId, now()]);
}

/** The job's end is stored. */
export function ended(): void {
  completed += 1;
}

/** A setting that the starting process gave. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

function flush(): void {
  if (started.length === 0 && completed === 0) return;
  send({ started, completed });
  started = [];
  completed = 0;
}

function send(report: Report): void {
  process.send?.(report);
}
