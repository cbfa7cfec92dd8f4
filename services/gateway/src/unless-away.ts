import type { Bus } from '#eventing/bus.js';
import { EventingUnavailableError } from '#eventing/errors.js';

/** A client is not kept waiting for longer while NATS is away. */
const AWAY_LIMIT_MS = 2_000;
/** Nor while NATS is there and does not answer: a cluster that elects a leader, a server that hangs. */
const SILENT_LIMIT_MS = 8_000;

/**
 * The result of work with NATS, or `EventingUnavailableError` soon after NATS has gone. Work that is under way by then
 * goes on in the background: an append may still be stored after this has given up on it. The signal tells work of
 * several steps to begin no further one.
 */
export async function unlessAway<T>(bus: Bus, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  await bus.whenConnected(AWAY_LIMIT_MS);
  let timer: NodeJS.Timeout | undefined;
  const aborter = new AbortController();
  const givenUp = new Promise<never>((_, reject) => {
    const startedAt = Date.now();
    const look = () => {
      const silent = Date.now() - startedAt >= SILENT_LIMIT_MS;
      if (!silent && bus.isConnected()) {
        timer = setTimeout(look, AWAY_LIMIT_MS);
        return;
      }
      aborter.abort(new EventingUnavailableError('NATS does not answer'));
      reject(aborter.signal.reason);
    };
    timer = setTimeout(look, AWAY_LIMIT_MS);
  });
  try {
    return await Promise.race([work(aborter.signal), givenUp]);
  } finally {
    clearTimeout(timer);
  }
}
