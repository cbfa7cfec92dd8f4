import { randomUUID } from 'node:crypto';
import { REQUEST_GOSSIP_MS, REQUEST_WINDOW_MS } from '#contracts/limits.js';
import type { RequestCounts } from '#contracts/request-counts.js';
import type { Bus } from '#eventing/bus.js';
import { onRequestCounts, tellRequestCounts } from '#eventing/request-counts.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { RequestRate } from './request-rate.js';

/** Accounts in one message: some 40 kB. */
const ACCOUNTS_PER_MESSAGE = 1_000;

/**
 * Limits the requests of a user at all gateways together. Each counts what it let through and tells the others a few times
 * a second, so that together they let through the limit and what came in between two messages. A request waits for nobody.
 */
export class RateLimiter {
  private readonly gateway = randomUUID();
  private readonly rate: RequestRate;
  private untold = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private readonly stop: () => void;

  /** `limit` requests a minute and user; 0 for no limit. */
  constructor(
    private readonly bus: Bus,
    private readonly limit: number,
  ) {
    this.rate = new RequestRate(limit, REQUEST_WINDOW_MS);
    this.stop = limit > 0 ? onRequestCounts(bus, (counts) => this.hear(counts)) : () => undefined;
  }

  /** @throws ApiError `rate_limited` */
  admit({ accountKey }: Caller): void {
    if (this.limit === 0) return;
    const waitMs = this.rate.take(accountKey, Date.now());
    if (waitMs > 0) {
      const details = `${this.limit} requests a minute`;
      throw new ApiError('rate_limited', { details, retryAfterSeconds: Math.ceil(waitMs / 1000) });
    }
    this.untold.set(accountKey, (this.untold.get(accountKey) ?? 0) + 1);
    this.timer ??= setTimeout(() => this.tell(), REQUEST_GOSSIP_MS).unref();
  }

  close(): void {
    clearTimeout(this.timer);
    this.stop();
  }

  private tell(): void {
    this.timer = undefined;
    const entries = [...this.untold];
    this.untold = new Map();
    for (let from = 0; from < entries.length; from += ACCOUNTS_PER_MESSAGE) {
      const counts = Object.fromEntries(entries.slice(from, from + ACCOUNTS_PER_MESSAGE));
      tellRequestCounts(this.bus, { gateway: this.gateway, counts });
    }
  }

  private hear({ gateway, counts }: RequestCounts): void {
    if (gateway === this.gateway) return;
    for (const [accountKey, count] of Object.entries(counts)) this.rate.add(accountKey, count, Date.now());
  }
}
