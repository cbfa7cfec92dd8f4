/** Asks one consumer for one message at a time, without waiting. */
import type { Msg } from '@nats-io/transport-node';
import type { ConsumerSpec } from '#contracts/streams.js';
import type { Bus } from './bus.js';
import { Delivery } from './delivery.js';
import { retryAfter } from './handled.js';

const PULL_TIMEOUT_MS = 3_000;
const PULL = JSON.stringify({ batch: 1, no_wait: true });
/** No message, the request ran out, or the consumer is changing its leader. */
const NOTHING_NOW = new Set([404, 408, 409]);

/**
 * A delivered message keeps its own subject, so the client's shared inbox cannot tell whom it is for: each puller has
 * a subscription of its own, and one question under way.
 */
export class Puller {
  private readonly subject: string;
  private readonly inbox: string;
  private readonly stop: () => void;
  private waiting: ((message: Msg | undefined) => void) | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly consumer: ConsumerSpec,
  ) {
    this.subject = `$JS.API.CONSUMER.MSG.NEXT.${consumer.stream}.${consumer.name}`;
    this.inbox = bus.newInbox();
    this.stop = bus.listen(this.inbox, (message) => this.receive(message));
  }

  /** One round trip. Undefined when there is nothing, or when the server did not answer. Rejects when closed. */
  async next(): Promise<Delivery | undefined> {
    // What is asked without a connection is lost; the reconnect rings the doorbell.
    if (!this.bus.isConnected() && !this.bus.nc.isClosed()) return undefined;
    const message = await this.ask();
    const code = message?.headers?.code ?? 0;
    if (!message || NOTHING_NOW.has(code)) return undefined;
    if (code === 0) return new Delivery(this.bus, message, this.consumer);
    this.bus.log.warn({ consumer: this.consumer.name, code, why: message.headers?.description }, 'pull refused');
    return undefined;
  }

  close(): void {
    this.stop();
  }

  private async ask(): Promise<Msg | undefined> {
    const answer = new Promise<Msg | undefined>((resolve) => {
      this.waiting = resolve;
    });
    const timer = setTimeout(() => this.giveUp(), PULL_TIMEOUT_MS);
    this.bus.nc.publish(this.subject, PULL, { reply: this.inbox });
    return this.bus.untilReconnect(answer).finally(() => {
      clearTimeout(timer);
      this.waiting = undefined;
    });
  }

  private receive(message: Msg): void {
    if (this.waiting) this.settle(message);
    else this.handBack(message);
  }

  private giveUp(): void {
    this.bus.log.warn({ consumer: this.consumer.name }, 'a pull was not answered');
    this.settle(undefined);
  }

  private settle(message: Msg | undefined): void {
    this.waiting?.(message);
    this.waiting = undefined;
  }

  /** An answer that came too late: somebody else can have the message at once. */
  private handBack(message: Msg): void {
    if ((message.headers?.code ?? 0) === 0) new Delivery(this.bus, message, this.consumer).answer(retryAfter(0));
  }
}
