/** Events as NATS messages: the CloudEvents NATS binding, binary mode, and W3C trace context. */
import { headers as createHeaders, type MsgHdrs } from '@nats-io/transport-node';
import {
  CLOUD_EVENT_TYPES,
  type EventType,
  eventTypeOf,
  type Proposed,
  type Recorded,
} from '#contracts/events/registry.js';
import { newEventId } from '#contracts/ids.js';

/** An event as it is sent: kept whole, so that it can be sent again byte for byte. */
export interface Sealed<T extends EventType = EventType> {
  readonly id: string;
  readonly time: string;
  readonly event: Proposed<T>;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Gives an event its id and time. `subjectId` is what it is about: a job or an account. */
export function seal<T extends EventType>(
  event: Proposed<T>,
  about: { source: string; subjectId: string; traceparent?: string },
): Sealed<T> {
  const id = newEventId();
  const time = new Date().toISOString();
  const headers = createHeaders();
  headers.set('Nats-Msg-Id', id);
  headers.set('ce-specversion', '1.0');
  headers.set('ce-id', id);
  headers.set('ce-type', CLOUD_EVENT_TYPES[event.type]);
  headers.set('ce-source', `/ourvidz/${about.source}`);
  headers.set('ce-subject', about.subjectId);
  headers.set('ce-time', time);
  headers.set('content-type', 'application/json');
  if (about.traceparent) headers.set('traceparent', about.traceparent);
  return { id, time, event, payload: encoder.encode(JSON.stringify(event.data)), headers };
}

/** The event in a message, or undefined when its type is not known to this version. */
export function open(message: { headers?: MsgHdrs; data: Uint8Array }, sequence: number): Recorded | undefined {
  const { headers } = message;
  const type = headers && eventTypeOf(headers.get('ce-type'));
  if (!headers || !type) return undefined;
  const data = JSON.parse(decoder.decode(message.data));
  return { type, id: headers.get('ce-id'), time: headers.get('ce-time'), sequence, data } as Recorded;
}

export function recorded<T extends EventType>(sealed: Sealed<T>, sequence: number): Recorded<T> {
  return {
    type: sealed.event.type,
    id: sealed.id,
    time: sealed.time,
    sequence,
    data: sealed.event.data,
  } as Recorded<T>;
}
