/** Numbers out of samples. Pure. */

/** The middle one; of an even number the mean of the two in the middle. NaN of nothing. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort(byValue);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The smallest sample that at least `share` (0 to 1) of them do not exceed: nearest rank. NaN of nothing. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort(byValue);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

export function spreadOf(samples: readonly number[]): Spread {
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) };
}

/**
 * The usual rate of something that happens again and again, per second: the median over windows, so that a second in
 * which the machine did something else does not count.
 *
 * @param counts how often it had happened, and when (ms), at the end of each window
 */
export function medianRate(counts: readonly { readonly at: number; readonly count: number }[]): number {
  const rates = counts.slice(1).map((later, index) => {
    const earlier = counts[index] ?? later;
    return ((later.count - earlier.count) * 1000) / (later.at - earlier.at);
  });
  return median(rates);
}

function byValue(a: number, b: number): number {
  return a - b;
}
