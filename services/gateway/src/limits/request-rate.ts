import { BoundedMap } from '../bounded-map.js';

/** Accounts that are remembered for one window: some 10 MB at most. */
const ACCOUNTS_MAX = 100_000;

/**
 * Requests of each account in a sliding window, from two counts: those of this window and, in proportion to how much of it
 * the sliding window still covers, those of the window before. Knows no clock: time comes in, in milliseconds.
 */
export class RequestRate {
  private window = 0;
  private current = new BoundedMap<string, number>(ACCOUNTS_MAX);
  private previous = new BoundedMap<string, number>(ACCOUNTS_MAX);

  constructor(
    private readonly limit: number,
    private readonly windowMs: number,
  ) {}

  /** Counts a request that is within the limit: 0. Else how many milliseconds until the next one will be. */
  take(account: string, now: number): number {
    const wait = this.waitOf(account, now);
    if (wait === 0) this.add(account, 1, now);
    return wait;
  }

  /** Counts requests that somebody let through. */
  add(account: string, count: number, now: number): void {
    this.turnTo(now);
    this.current.set(account, (this.current.get(account) ?? 0) + count);
  }

  private waitOf(account: string, now: number): number {
    this.turnTo(now);
    const { limit, windowMs } = this;
    const current = this.current.get(account) ?? 0;
    const previous = this.previous.get(account) ?? 0;
    const passed = now - this.window * windowMs;
    const free = limit - 1 - current;
    if (previous * (1 - passed / windowMs) <= free) return 0;
    // In this window the older requests fade; when it is full by itself, they are its own in the next one.
    if (free >= 0) return Math.ceil(windowMs * (1 - free / previous) - passed);
    return Math.ceil(windowMs - passed + windowMs * (1 - (limit - 1) / current));
  }

  private turnTo(now: number): void {
    const window = Math.floor(now / this.windowMs);
    if (window === this.window) return;
    this.previous = window === this.window + 1 ? this.current : new BoundedMap(ACCOUNTS_MAX);
    this.current = new BoundedMap(ACCOUNTS_MAX);
    this.window = window;
  }
}
