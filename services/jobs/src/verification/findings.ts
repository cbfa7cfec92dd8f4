/** What a verification looked at, and what it found wrong. */

/** What is proven of the log. */
export const CHECKS = {
  positions: 'positions without a gap',
  eventIds: 'every event once',
  chains: 'hash chains',
  endings: 'one end of each job',
  order: 'order of the streams',
  ledger: 'credits add up',
  streams: 'same as the streams',
} as const;
export type Check = keyof typeof CHECKS;

export interface Finding {
  readonly check: Check;
  /** Of the event that is wrong, where it has one. */
  readonly position?: number;
  /** The job, account, project, … that it is about. */
  readonly subjectId?: string;
  readonly message: string;
}

export interface Tally {
  readonly check: Check;
  readonly looked: number;
  readonly wrong: number;
}

/** A log that is wrong everywhere would otherwise fill the memory. All are counted. */
const MOST_KEPT = 100;

export class Findings {
  private readonly counts = new Map<Check, { looked: number; wrong: number }>();
  private readonly first: Finding[] = [];

  /** So many things were examined. */
  looked(check: Check, count: number): void {
    this.countsOf(check).looked += count;
  }

  /** @param count how many things are wrong in this way */
  add(finding: Finding, count = 1): void {
    this.countsOf(finding.check).wrong += count;
    if (this.first.length < MOST_KEPT) this.first.push(finding);
  }

  /** In the order in which the checks are listed; those that were not made are left out. */
  get tallies(): Tally[] {
    const checks = Object.keys(CHECKS) as Check[];
    return checks.flatMap((check) => {
      const counts = this.counts.get(check);
      return counts ? [{ check, ...counts }] : [];
    });
  }

  /** The first hundred. */
  get list(): readonly Finding[] {
    return this.first;
  }

  get wrong(): number {
    return this.tallies.reduce((total, { wrong }) => total + wrong, 0);
  }

  private countsOf(check: Check): { looked: number; wrong: number } {
    const counts = this.counts.get(check) ?? { looked: 0, wrong: 0 };
    this.counts.set(check, counts);
    return counts;
  }
}
