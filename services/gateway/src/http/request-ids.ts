import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The client's `x-request-id` where it can be logged safely, else a new one. */
export function requestIdOf(raw: Pick<IncomingMessage, 'headers'>): string {
  const given = raw.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** W3C trace context of a request: the caller's, else the start of a new trace. */
export function traceparentOf(raw: Pick<IncomingMessage, 'headers'>): string {
  const given = raw.headers.traceparent;
  if (typeof given === 'string' && TRACEPARENT.test(given)) return given;
  // Node keeps random bytes ready for UUIDs; asking for some on every request is ten times slower.
  return `00-${randomHex()}-${randomHex().slice(0, 16)}-01`;
}

/** 32 digits, 122 random bits. */
function randomHex(): string {
  return randomUUID().replaceAll('-', '');
}
