/** Reads from a stream by direct get. One short-lived subscription a read, ended by the server's closing status. */
import type { Msg, MsgHdrs } from '@nats-io/transport-node';
import type { Bus } from './bus.js';
import { EventingUnavailableError } from './errors.js';

const NO_RESPONDERS = 503;
const END_OF_BATCH = 204;
const NOT_FOUND = 404;
const READ_TIMEOUT_MS = 2_000;

export interface DirectMessage {
  readonly sequence: number;
  readonly subject: string;
  /** When the server stored it, ISO 8601. */
  readonly storedAt: string;
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
}

export interface DirectBatch {
  readonly messages: readonly DirectMessage[];
  /** Up to which sequence the answering server knew the stream; 0 when it found nothing. */
  readonly upToSequence: number;
}

export type DirectQuery =
  | { readonly multi_last: readonly string[]; readonly batch: number }
  /** From a sequence on; of one subject or filter, or of all. */
  | { readonly seq: number; readonly batch: number; readonly next_by_subj?: string };

/** The messages of one query, in stream order. Rejects with `EventingUnavailableError` when no server answers in time. */
export async function directRead(bus: Bus, stream: string, query: DirectQuery): Promise<DirectBatch> {
  if (bus.nc.isClosed()) throw new EventingUnavailableError(`reading ${stream}: the connection is closed`);
  const reading = new Reading(bus, stream);
  try {
    const batch = await bus.untilReconnect(reading.run(query));
    if (batch) return batch;
  } finally {
    reading.close();
  }
  throw new EventingUnavailableError(`reading ${stream}: the connection was lost`);
}

class Reading {
  private readonly messages: DirectMessage[] = [];
  private timer: NodeJS.Timeout | undefined;
  private stop = () => {};

  constructor(
    private readonly bus: Bus,
    private readonly stream: string,
  ) {}

  run(query: DirectQuery): Promise<DirectBatch> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new EventingUnavailableError(`reading ${this.stream}: ${why}`));
      const inbox = this.bus.newInbox();
      this.timer = setTimeout(() => fail('no answer'), READ_TIMEOUT_MS);
      this.stop = this.bus.listen(inbox, (message) => this.take(message, resolve, fail, reject));
      this.bus.nc.publish(`$JS.API.DIRECT.GET.${this.stream}`, JSON.stringify(query), { reply: inbox });
    });
  }

  close(): void {
    clearTimeout(this.timer);
    this.stop();
  }

  private take(
    message: Msg,
    resolve: (batch: DirectBatch) => void,
    fail: (why: string) => void,
    reject: (error: Error) => void,
  ): void {
    const { headers } = message;
    if (!headers) reject(new Error(`reading ${this.stream}: a message without headers`));
    else if (headers.code === 0) this.messages.push(directMessage(message, headers));
    else if (headers.code === END_OF_BATCH) resolve({ messages: this.messages, upToSequence: upTo(headers) });
    else if (headers.code === NOT_FOUND) resolve({ messages: [], upToSequence: 0 });
    else if (headers.code === NO_RESPONDERS) fail('no server has it');
    else reject(new Error(`reading ${this.stream}: ${headers.code} ${headers.description}`));
  }
}

function directMessage(message: Msg, headers: MsgHdrs): DirectMessage {
  return {
    sequence: Number(headers.get('Nats-Sequence')),
    subject: headers.get('Nats-Subject'),
    storedAt: headers.get('Nats-Time-Stamp'),
    headers,
    data: message.data,
  };
}

function upTo(headers: MsgHdrs): number {
  return Number(headers.get('Nats-UpTo-Sequence') || 0);
}
