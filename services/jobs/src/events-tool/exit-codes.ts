/** How the tool ends, for scripts, and the failures that end it. */
import { CommanderError } from 'commander';
import { AccessRefusedError, EventingUnavailableError, TopologyError } from '#eventing/errors.js';
import { ConfigurationError } from '#service-kit/environment.js';
import { DatabaseUnavailableError, isNoRight } from '../database/database-errors.js';
import { RefusedError } from '../rebuild/rebuild-errors.js';

export const EXIT = {
  ok: 0,
  /** It looked and found something wrong, or what it was asked to do failed. */
  failed: 1,
  usage: 2,
  noConnection: 3,
  /** Not confirmed, no right to it, or the state of things forbids it. Nothing was changed. */
  refused: 4,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a person did wrong or what stands in the way: told by its message alone, without a stack. */
export class ToolError extends Error {
  override readonly name = 'ToolError';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Nothing was changed, and will not be as things are. */
export function refused(message: string): ToolError {
  return new ToolError(EXIT.refused, message);
}

/** How a failure ends the tool, and what it says; undefined for a bug, which shows its stack. */
export function endingOf(error: unknown): { code: ExitCode; message: string } | undefined {
  if (error instanceof ToolError) return { code: error.exitCode, message: error.message };
  // Commander has said what was wrong, or has shown the help that it was asked for.
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? EXIT.ok : EXIT.usage, message: '' };
  if (error instanceof ConfigurationError && !(error instanceof TopologyError))
    return { code: EXIT.usage, message: error.message };
  if (isAway(error)) return { code: EXIT.noConnection, message: withCause(error) };
  if (isForbidden(error)) return { code: EXIT.refused, message: withCause(error) };
  return undefined;
}

function isAway(error: unknown): error is Error {
  return error instanceof DatabaseUnavailableError || error instanceof EventingUnavailableError;
}

function isForbidden(error: unknown): error is Error {
  return (
    error instanceof AccessRefusedError ||
    error instanceof TopologyError ||
    error instanceof RefusedError ||
    isNoRight(error)
  );
}

function withCause(error: Error): string {
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? `${error.message}: ${cause.message}` : error.message;
}
