/**
 * Questions and commands to the jobs service. Nest routes them: `@MessagePattern('jobs.list')` answers the query of that
 * name.
 */

import type { Msg } from '@nats-io/transport-node';
import { type CustomTransportStrategy, RpcException, Server } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { type CommandName, type Commands, isCommand } from '#contracts/commands.js';
import type { Queries, QueryError, QueryName, Reply } from '#contracts/queries.js';
import { commandSubject, querySubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';

/** There is no answer now: nobody there, too late, or the database is away. Handlers throw it too. */
export class QueryUnavailableError extends RpcException {
  override readonly name = 'QueryUnavailableError';

  constructor(message: string, options?: ErrorOptions) {
    super(message);
    this.cause = options?.cause;
  }

  /** Nest's filter passes on what this answers: the error itself. */
  override getError(): this {
    return this;
  }
}

/** The question is wrong, or answering it failed; asking again does not help. Handlers throw it, askers get it. */
export class QueryRefusedError extends RpcException {
  override readonly name = 'QueryRefusedError';

  constructor(
    readonly code: QueryError,
    message: string,
  ) {
    super(message);
  }

  /** Nest's filter passes on what this answers: the error itself. */
  override getError(): this {
    return this;
  }
}

const QUEUE_GROUP = 'jobs';

const TIMEOUT_MS = 3_000;

/** Rejects with `QueryUnavailableError` or `QueryRefusedError`. */
export function ask<N extends QueryName>(
  bus: Bus,
  name: N,
  request: Queries[N]['request'],
  timeoutMs = TIMEOUT_MS,
): Promise<Queries[N]['answer']> {
  return answerFrom(bus, querySubject(name), request, timeoutMs);
}

/** As `ask`. Without an answer the command may be carried out all the same. */
export function command<N extends CommandName>(
  bus: Bus,
  name: N,
  request: Commands[N]['request'],
  timeoutMs = TIMEOUT_MS,
): Promise<Commands[N]['answer']> {
  return answerFrom(bus, commandSubject(name), request, timeoutMs);
}

async function answerFrom<Answer>(bus: Bus, subject: string, request: unknown, timeoutMs: number): Promise<Answer> {
  const reply = await send<Answer>(bus, subject, request, timeoutMs);
  if (reply.ok) return reply.answer;
  if (reply.error === 'unavailable') throw new QueryUnavailableError(reply.message);
  throw new QueryRefusedError(reply.error, reply.message);
}

async function send<Answer>(bus: Bus, subject: string, request: unknown, timeoutMs: number): Promise<Reply<Answer>> {
  if (!bus.isConnected()) throw new QueryUnavailableError('NATS is away');
  try {
    const asked = bus.nc.request(subject, JSON.stringify(request), { timeout: timeoutMs });
    const message = await bus.answerTo(asked);
    return message.json<Reply<Answer>>();
  } catch (error) {
    throw new QueryUnavailableError(`${subject} was not answered`, { cause: error });
  }
}

/** Brings queries and commands from NATS to Nest's handlers; several services share the work. */
export class RequestServer extends Server implements CustomTransportStrategy {
  private stops: (() => void)[] = [];

  constructor(private readonly bus: Bus) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    for (const [pattern, handler] of this.messageHandlers) {
      const onMessage = (message: Msg) => void this.answer(message, (request) => handler(request));
      this.stops.push(this.bus.listen(subjectOf(pattern), onMessage, QUEUE_GROUP));
    }
    this.bus.flushed().then(() => callback(), callback);
  }

  close(): void {
    for (const stop of this.stops) stop();
    this.stops = [];
  }

  on(): never {
    throw new Error('RequestServer has no events');
  }

  unwrap<T>(): T {
    return this.bus as T;
  }

  /** Never rejects: nobody waits for it. */
  private async answer(message: Msg, handle: (request: unknown) => unknown): Promise<void> {
    const reply = await this.replyTo(message, handle);
    try {
      message.respond(JSON.stringify(reply));
    } catch (error) {
      // Too large for a message, or not JSON; or the connection is closed, and then this is not sent either.
      const failure = this.failure(error);
      if (!this.bus.nc.isClosed()) message.respond(JSON.stringify(failure));
    }
  }

  private async replyTo(message: Msg, handle: (request: unknown) => unknown): Promise<Reply<unknown>> {
    try {
      const result = this.transformToObservable(await handle(message.json()));
      return { ok: true, answer: await lastValueFrom(result) };
    } catch (error) {
      return this.failure(error);
    }
  }

  private failure(error: unknown): Reply<unknown> {
    if (error instanceof QueryUnavailableError) return { ok: false, error: 'unavailable', message: error.message };
    if (error instanceof QueryRefusedError) return { ok: false, error: error.code, message: error.message };
    this.onError(error);
    return { ok: false, error: 'internal', message: 'the query failed' };
  }

  private onError(error: unknown): void {
    this.bus.log.error({ err: error }, 'a query failed');
  }
}

function subjectOf(name: string): string {
  return isCommand(name) ? commandSubject(name) : querySubject(name);
}
