const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * Seconds of a duration such as `45s`, `30m`, `1h` or `7d`.
 *
 * @throws when it is not written so, or is nothing
 */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text.trim()) ?? [];
  const seconds = Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
  if (!(seconds > 0)) throw new Error(`"${text}" is not a duration: write 30m, 1h or 7d`);
  return seconds;
}
