/** How a service process starts, says that it is ready, and stops. The same for every service. */
import { ConfigurationError } from './environment.js';
import type { Log } from './log.js';

/** EX_CONFIG of sysexits.h: starting again does not help. */
export const EXIT_CONFIGURATION = 78;
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** From when on there is something to stop in order. */
let stoppable = false;
let stopping = false;

/** Tells whoever started the process, if it listens, that the process now does its work. */
export function announceReady(log: Log, facts: { readonly url?: string } = {}): void {
  log.info(facts, 'ready');
  process.send?.({ ready: true, ...facts });
}

/**
 * Runs `stop` once, on the first signal to stop or when the process that started this one is gone, and then exits. After
 * `limitMs` it exits anyway, with code 1.
 */
export function stopOnSignal(log: Log, limitMs: number, stop: () => Promise<void>): void {
  const begin = (why: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ why }, 'stopping');
    setTimeout(() => giveUp(log, limitMs), limitMs).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => fail(log, error),
    );
  };
  stoppable = true;
  for (const signal of STOP_SIGNALS) process.on(signal, () => begin(signal));
  process.on('disconnect', () => begin('the starting process is gone'));
}

/** Runs a service's start; whatever goes wrong unexpectedly, then or later, is logged and ends the process. */
export function runService(log: () => Log, start: () => Promise<void>): void {
  // A process that is still starting ends at once when whoever started it is gone.
  process.on('disconnect', () => stoppable || process.exit(1));
  process.on('uncaughtException', (error) => fail(log(), error));
  process.on('unhandledRejection', (error) => fail(log(), error));
  start().catch((error: unknown) =>
    stopping ? log().debug({ err: error }, 'the start was broken off') : fail(log(), error),
  );
}

function fail(log: Log, error: unknown): never {
  if (error instanceof ConfigurationError) {
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_CONFIGURATION);
  }
  log.fatal({ err: error }, 'the process cannot go on');
  process.exit(1);
}

function giveUp(log: Log, limitMs: number): never {
  log.error({ limitMs }, 'stopping took too long');
  process.exit(1);
}
