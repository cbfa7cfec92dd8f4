import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { PolicyRefusal } from '#content-policy/content-policy.js';
import type { RequestRefused } from '#contracts/events/audit-events.js';
import { recordRefusal } from '#eventing/audit.js';
import { Bus } from '#eventing/bus.js';
import type { Caller } from '../auth/token-verifier.js';

export interface AskedAt {
  /** Method and template of the address: `POST /api/queue-job`. */
  readonly route: string;
  readonly traceparent: string;
}

/** Further refusals of the same kind to the same user are told together, so often at most. */
const TOGETHER_MS = 60_000;

/** Refusals of one kind to one user since the last event. */
interface Kind {
  readonly timer: NodeJS.Timeout;
  further: number;
  tell(count: number): Promise<void>;
}

/**
 * Keeps refusals for the operator. Nobody waits for it and nothing fails with it: what cannot be stored is an error in the
 * log. A user who asks again and again makes two events a minute, not one for each request: the account stream keeps its
 * events for ever and must not be filled from outside.
 */
@Injectable()
export class Audit implements OnApplicationShutdown {
  private readonly recent = new Map<string, Kind>();
  private readonly underWay = new Set<Promise<void>>();

  constructor(private readonly bus: Bus) {}

  refused({ category, rule }: PolicyRefusal, { accountKey, userId }: Caller, { route, traceparent }: AskedAt): void {
    const name = `${accountKey} ${rule} ${route}`;
    const known = this.recent.get(name);
    if (known) {
      known.further += 1;
      return;
    }
    const tell = (count: number) => this.keep({ accountKey, userId, category, rule, route, count }, traceparent);
    const timer = setTimeout(() => this.tellFurther(name), TOGETHER_MS).unref();
    this.recent.set(name, { timer, further: 0, tell });
    void tell(1);
  }

  /** What was counted and not told yet is told before the connection ends. */
  async onApplicationShutdown(): Promise<void> {
    for (const name of [...this.recent.keys()]) this.tellFurther(name);
    // Without NATS they fail with the connection, and say so.
    if (this.bus.isConnected()) await Promise.all(this.underWay);
  }

  private tellFurther(name: string): void {
    const kind = this.recent.get(name);
    this.recent.delete(name);
    clearTimeout(kind?.timer);
    if (kind && kind.further > 0) void kind.tell(kind.further);
  }

  private keep(refused: RequestRefused, traceparent: string): Promise<void> {
    const stored = recordRefusal(this.bus, refused, traceparent)
      .catch((error: unknown) => this.bus.log.error({ err: error, refused }, 'a refusal could not be kept'))
      .finally(() => this.underWay.delete(stored));
    this.underWay.add(stored);
    return stored;
  }
}
