/** Events as NATS messages: the CloudEvents NATS binding, binary mode, and W3C trace context. */
import { headers as createHeaders, type MsgHdrs } from '@nats-io/transport-node';
import { CLOUD_EVENT_TYPES, type EventType, type Proposed, type Recorded } from '#contracts/events/registry.js';
import { currentVersion, isKnownVersion } from '#contracts/events/versions.js';
import { newEventId } from '#contracts/ids.js';

/** An event as it is sent: kept whole, so that it can be sent again byte for byte. */
export interface Sealed<T extends EventType = EventType> {
  readonly id: string;
  readonly time: string;
  readonly event: Proposed<T>;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
}

/** An event as its message has it, whether this version knows its type or not. */
export interface CloudEvent {
  readonly id: string;
  /** CloudEvents `type`, with the version in it. */
  readonly cloudEventType: string;
  /** What it is about: CloudEvents `subject`. */
  readonly subjectId: string;
  readonly source: string;
  readonly time: string;
  readonly traceparent?: string;
  readonly data: unknown;
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
  const cloudEventType = CLOUD_EVENT_TYPES[event.type];
  const { headers, payload } = messageOf({
    ...about,
    ...{ id, time, cloudEventType, source: `/ourvidz/${about.source}`, data: event.data },
  });
  return { id, time, event, payload, headers };
}

/** The headers and the payload of an event. */
export function messageOf(event: CloudEvent): { headers: MsgHdrs; payload: Uint8Array } {
  const headers = createHeaders();
  headers.set('Nats-Msg-Id', event.id);
  headers.set('ce-specversion', '1.0');
  headers.set('ce-id', event.id);
  headers.set('ce-type', event.cloudEventType);
  headers.set('ce-source', event.source);
  headers.set('ce-subject', event.subjectId);
  headers.set('ce-time', event.time);
  headers.set('content-type', 'application/json');
  if (event.traceparent) headers.set('traceparent', event.traceparent);
  return { headers, payload: encoder.encode(JSON.stringify(event.data)) };
}

/** The event in a message, in its current version; undefined when it is none that this program knows. */
export function open(message: { headers?: MsgHdrs; data: Uint8Array }, sequence: number): Recorded | undefined {
  const { headers } = message;
  const cloudEventType = headers?.get('ce-type') ?? '';
  if (!headers || !isKnownVersion(cloudEventType)) return undefined;
  const event = currentVersion(cloudEventType, JSON.parse(decoder.decode(message.data)));
  return { ...event, id: headers.get('ce-id'), time: headers.get('ce-time'), sequence } as Recorded;
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
