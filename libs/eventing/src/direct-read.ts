/** Reads from a stream by direct get. One short-lived subscription a read, ended by the server's closing status. */
import { type Msg, type MsgHdrs } from '@nats-io/transport-node';
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

type DirectQuery =
  | { readonly multi_last: readonly string[]; readonly batch: number }
  | { readonly seq: number; readonly batch: number };

/** The messages of one query, in stream order. Rejects with `EventingUnavailableError` when no server answers in time. */
export function directRead(bus: Bus, stream: string, query: DirectQuery): Promise<DirectBatch> {
  const { nc } = bus;
  const inbox = bus.newInbox();
  return new Promise((resolve, reject) => {
    const messages: DirectMessage[] = [];
    const settle = (act: () => void) => {
      clearTimeout(timer);
      subscription.unsubscribe();
      act();
    };
    const unavailable = (why: string) =>
      settle(() => reject(new EventingUnavailableError(`reading ${stream}: ${why}`)));
    const timer = setTimeout(() => unavailable('no answer'), READ_TIMEOUT_MS);
    const onMessage = (error: Error | null, message: Msg) => {
      if (error) return unavailable(error.message);
      const code = message.headers?.code ?? 0;
      if (code === 0) return void messages.push(directMessage(message));
      if (code === END_OF_BATCH) return settle(() => resolve({ messages, upToSequence: upTo(message) }));
      if (code === NOT_FOUND) return settle(() => resolve({ messages: [], upToSequence: 0 }));
      if (code === NO_RESPONDERS) return unavailable('no server has it');
      settle(() => reject(new Error(`reading ${stream}: ${code} ${message.headers?.description}`)));
    };
    const subscription = nc.subscribe(inbox, { callback: onMessage });
    nc.publish(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), { reply: inbox });
  });
}

function directMessage(message: Msg): DirectMessage {
  const { headers } = message;
  if (!headers) throw new Error('a stored message came without headers');
  return {
    sequence: Number(headers.get('Nats-Sequence')),
    subject: headers.get('Nats-Subject'),
    storedAt: headers.get('Nats-Time-Stamp'),
    headers,
    data: message.data,
  };
}

function upTo(message: Msg): number {
  return Number(message.headers?.get('Nats-UpTo-Sequence') || 0);
}
