import { type Logger, pino } from 'pino';

/** Structured log of a process. Prompts are never given to it. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & { child(bindings: object): Log };

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes JSON lines to standard output. */
export function createLog(service: string, level: LogLevel): Log {
  return pino({ base: { service }, level, timestamp: pino.stdTimeFunctions.isoTime });
}
