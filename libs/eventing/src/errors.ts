/** What can go wrong between a service and NATS, in terms that its callers act on. */
import { JetStreamApiError } from '@nats-io/jetstream';
import { ConfigurationError } from '#service-kit/environment.js';

/** No server, or the outcome stayed unknown for as long as it is worth asking. Passes by itself. */
export class EventingUnavailableError extends Error {
  override readonly name = 'EventingUnavailableError';
}

/** The stream takes no more messages. */
export class StreamFullError extends Error {
  override readonly name = 'StreamFullError';
}

/** The server is too old or too small, or a stream or consumer differs from what this version needs. Does not pass by itself. */
export class TopologyError extends ConfigurationError {
  override readonly name = 'TopologyError';
}

/** The server does not take the credentials, or they give no right to what was asked. Does not pass by itself. */
export class AccessRefusedError extends Error {
  override readonly name = 'AccessRefusedError';
}

/** The server refused a message for a reason that trying again does not mend. */
export class AppendRejectedError extends Error {
  override readonly name = 'AppendRejectedError';
}

/** Whether NATS itself cannot take or give anything now: no fault of what was asked, and it passes. */
export function isOutage(error: unknown): boolean {
  return error instanceof EventingUnavailableError || error instanceof StreamFullError;
}

/** Whether the server says that there is no such thing. */
export function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.status === 404;
}

/** What was asked for, or undefined when there is no such thing. */
export async function orMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
