import { ApiError } from '../http/api-error.js';
import { RequestRate } from './request-rate.js';

const HOUR_MS = 3_600_000;

/**
 * How much one user may write into a stream through this gateway. No event is ever taken out of a stream by hand: without
 * a budget one user could fill it for all.
 */
export class HourlyBudget {
  private readonly rate: RequestRate;

  constructor(
    private readonly limit: number,
    private readonly unit: string,
  ) {
    this.rate = new RequestRate(limit, HOUR_MS);
  }

  /** What goes over the limit is taken once, and waited for. @throws ApiError `rate_limited` */
  spend(accountKey: string, amount: number, now: number): void {
    const waitMs = this.rate.take(accountKey, now);
    if (waitMs > 0) {
      const details = `${this.limit} ${this.unit} an hour`;
      throw new ApiError('rate_limited', { details, retryAfterSeconds: Math.ceil(waitMs / 1000) });
    }
    if (amount > 1) this.rate.add(accountKey, amount - 1, now);
  }
}
