import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { newEventId } from '#contracts/ids.js';

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The client's `x-request-id` where it can be logged safely, else a new one. */
export function requestIdOf(raw: Pick<IncomingMessage, 'headers'>): string {
  const given = raw.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : newEventId();
}

/** W3C trace context of a request: the caller's, else the start of a new trace. */
export function traceparentOf(raw: Pick<IncomingMessage, 'headers'>): string {
  const given = raw.headers.traceparent;
  if (typeof given === 'string' && TRACEPARENT.test(given)) return given;
  const random = randomBytes(24).toString('hex');
  return `00-${random.slice(0, 32)}-${random.slice(32)}-01`;
}
