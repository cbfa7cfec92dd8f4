/** One message handed out by a consumer, and how it is answered. */
import type { Msg } from '@nats-io/transport-node';
import type { Recorded } from '#contracts/events/registry.js';
import type { ConsumerSpec } from '#contracts/streams.js';
import type { Bus } from './bus.js';
import { open } from './envelope.js';
import type { Handled } from './handled.js';

const WORKING = '+WPI';
const NANOS_PER_MS = 1_000_000;

export class Delivery {
  readonly sequence: number;
  /** From 1; the server's own count, which also sees crashed workers. */
  readonly deliveryCount: number;
  private answered = false;
  private opened: { readonly event: Recorded | undefined } | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly message: Msg,
    readonly consumer: ConsumerSpec,
  ) {
    const { delivered, sequence } = parseAckSubject(message.reply ?? '');
    this.deliveryCount = delivered;
    this.sequence = sequence;
  }

  get subject(): string {
    return this.message.subject;
  }

  get traceparent(): string | undefined {
    return this.message.headers?.get('traceparent') || undefined;
  }

  /** Whether the server hands it out no more after this. */
  get isLast(): boolean {
    return this.consumer.maxDeliver > 0 && this.deliveryCount >= this.consumer.maxDeliver;
  }

  /** Opened once, however often it is asked for. */
  event(): Recorded | undefined {
    this.opened ??= { event: open(this.message, this.sequence) };
    return this.opened.event;
  }

  json<T>(): T {
    return this.message.json<T>();
  }

  /** Says that it is still being worked on: the server waits another `ack_wait`. Not confirmed. */
  working(): void {
    this.respond(WORKING);
  }

  /** Says what becomes of the message. Only the first answer counts. */
  answer(handled: Handled): void {
    if (this.answered) return;
    this.answered = true;
    this.respondWhenConnected(acknowledgement(handled));
  }

  private respond(payload: string): void {
    if (!this.bus.nc.isClosed()) this.bus.nc.publish(this.message.reply ?? '', payload);
  }

  /** What is sent without a connection is lost, and the message would come again only after `ack_wait`. */
  private respondWhenConnected(payload: string): void {
    const send = () => {
      stop();
      this.respond(payload);
    };
    const stop = this.bus.onReconnect(send);
    if (this.bus.isConnected()) send();
  }
}

/** The one place where a handler's result becomes an acknowledgement. */
function acknowledgement(handled: Handled): string {
  switch (handled.kind) {
    case 'done':
      return '+ACK';
    case 'retryAfter':
      return `-NAK {"delay":${Math.max(1, Math.round(handled.delayMs * NANOS_PER_MS))}}`;
    case 'reject':
      return `+TERM ${handled.reason}`;
  }
}

/** `$JS.ACK[.<domain>.<account>].<stream>.<consumer>.<delivered>.<sequence>.<…>`, ADR-15 of NATS. */
function parseAckSubject(reply: string): { delivered: number; sequence: number } {
  const tokens = reply.split('.');
  const offset = tokens.length > 9 ? 2 : 0;
  return { delivered: Number(tokens[4 + offset]), sequence: Number(tokens[5 + offset]) };
}
