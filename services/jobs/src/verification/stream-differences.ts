import type { StreamComparison } from '../event-log/stream-comparison.js';
import type { Findings } from './findings.js';

/** What a stream and the log say differently, as findings. Messages that are not logged yet are no fault. */
export function addDifferences(comparison: StreamComparison, findings: Findings): void {
  const { stream, messages, missing, different, lost, named } = comparison;
  findings.looked('streams', messages);
  const which = named.map(({ sequence, eventId }) => `${sequence} (${eventId})`).join(', ');
  const add = (count: number, what: string) => findings.add({ check: 'streams', message: `${count} ${what}` }, count);
  if (missing > 0) add(missing, `messages of ${stream} are not in the log: ${which}`);
  if (different > 0) add(different, `messages of ${stream} say something else in the log: ${which}`);
  if (lost > 0) add(lost, `events of the log are not in ${stream}, where they should still be`);
}
