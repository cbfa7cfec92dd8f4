/** What was found wrong, in the terms of the promise: nothing is lost, doubled or stuck. */
export type Verdict = 'lost' | 'doubled' | 'stuck' | 'wrong';

export interface Finding {
  readonly verdict: Verdict;
  readonly text: string;
}

/** `lost('…')` and so on. */
export const [lost, doubled, stuck, wrong] = (['lost', 'doubled', 'stuck', 'wrong'] as const).map(
  (verdict) => (text: string) => ({ verdict, text }),
) as [Make, Make, Make, Make];

type Make = (text: string) => Finding;

/** The items that appear more than once, each once. */
export function repeated<T>(items: Iterable<T>): T[] {
  const seen = new Set<T>();
  const again = new Set<T>();
  for (const item of items) (seen.has(item) ? again : seen).add(item);
  return [...again];
}
