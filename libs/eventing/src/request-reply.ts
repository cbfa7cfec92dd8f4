/** Questions to the jobs service. Nest routes them: `@MessagePattern('jobs.list')` answers the query of that name. */

import type { Msg, Subscription } from '@nats-io/transport-node';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import type { Queries, QueryError, QueryName, QueryReply } from '#contracts/queries.js';
import { querySubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';

/** There is no answer now: nobody there, too late, or the database is away. */
export class QueryUnavailableError extends Error {
  override readonly name = 'QueryUnavailableError';
}

/** The question is wrong, or answering it failed; asking again does not help. Handlers throw it, askers get it. */
export class QueryRefusedError extends Error {
  override readonly name = 'QueryRefusedError';
  constructor(
    readonly code: QueryError,
    message: string,
  ) {
    super(message);
  }
}

const QUEUE_GROUP = 'jobs';

/** Rejects with `QueryUnavailableError` or `QueryRefusedError`. */
export async function ask<N extends QueryName>(
  bus: Bus,
  name: N,
  request: Queries[N]['request'],
  timeoutMs = 3_000,
): Promise<Queries[N]['answer']> {
  const reply = await send<N>(bus, name, request, timeoutMs);
  if (reply.ok) return reply.answer;
  if (reply.error === 'unavailable') throw new QueryUnavailableError(reply.message);
  throw new QueryRefusedError(reply.error, reply.message);
}

async function send<N extends QueryName>(
  bus: Bus,
  name: N,
  request: unknown,
  timeoutMs: number,
): Promise<QueryReply<N>> {
  if (!bus.isConnected()) throw new QueryUnavailableError('NATS is away');
  try {
    const message = await bus.nc.request(querySubject(name), JSON.stringify(request), { timeout: timeoutMs });
    return message.json<QueryReply<N>>();
  } catch (error) {
    throw new QueryUnavailableError(`${name} was not answered`, { cause: error });
  }
}

/** Brings queries from NATS to Nest's handlers; several services share the work. */
export class QueryServer extends Server implements CustomTransportStrategy {
  private subscriptions: Subscription[] = [];

  constructor(private readonly bus: Bus) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    for (const [pattern, handler] of this.messageHandlers) {
      const subject = querySubject(pattern);
      const answer = (message: Msg) => this.answer(message, (request) => handler(request));
      this.subscriptions.push(
        this.bus.nc.subscribe(subject, {
          queue: QUEUE_GROUP,
          callback: (error, message) => (error ? this.onError(error) : void answer(message)),
        }),
      );
    }
    this.bus.nc.flush().then(() => callback(), callback);
  }

  close(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.subscriptions = [];
  }

  on(): never {
    throw new Error('QueryServer has no events');
  }

  unwrap<T>(): T {
    return this.bus as T;
  }

  private async answer(message: Msg, handle: (request: unknown) => unknown): Promise<void> {
    const reply = await this.replyTo(message, handle);
    message.respond(JSON.stringify(reply));
  }

  private async replyTo(message: Msg, handle: (request: unknown) => unknown): Promise<QueryReply<QueryName>> {
    try {
      const result = this.transformToObservable(await handle(message.json()));
      return { ok: true, answer: (await lastValueFrom(result)) as Queries[QueryName]['answer'] };
    } catch (error) {
      return this.failure(error);
    }
  }

  private failure(error: unknown): QueryReply<QueryName> {
    if (error instanceof QueryRefusedError) return { ok: false, error: error.code, message: error.message };
    this.onError(error);
    return { ok: false, error: 'internal', message: 'the query failed' };
  }

  private onError(error: unknown): void {
    this.bus.log.error({ err: error }, 'a query failed');
  }
}
