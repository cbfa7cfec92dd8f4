/** Arguments of commands, checked before anything is done. */
import { InvalidArgumentError } from 'commander';
import { isUuid } from '#contracts/ids.js';

/** A position of the log: 1 is the first. */
export function position(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('A position is a whole number from 1.');
  return value;
}

/** How many. */
export function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100_000)
    throw new InvalidArgumentError('It is a whole number from 1 to 100,000.');
  return value;
}

export function jobId(text: string): string {
  if (!isUuid(text)) throw new InvalidArgumentError('The id of a job is a UUID.');
  return text.toLowerCase();
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A moment: ISO 8601, or how long ago: `90s`, `15m`, `2h`, `7d`. */
export function moment(text: string): Date {
  const ago = /^(\d+)([smhd])$/.exec(text);
  if (ago) return new Date(Date.now() - Number(ago[1]) * (UNITS[ago[2] ?? ''] ?? 0));
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new InvalidArgumentError('A time is 2026-01-31T12:00:00Z, or 90s, 15m, 2h, 7d ago.');
  return new Date(time);
}
