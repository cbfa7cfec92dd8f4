import { createServer, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestProject } from 'vitest/node';
import { scratchFolder } from './scratch-folder.js';
import { type SharedPostgres, sharedPostgres } from './shared-postgres.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Unix socket on which the test files ask the main process for what they share. */
    sharedServersSocket: string;
  }
}

/**
 * Runs once, in vitest's main process. It starts nothing by itself: the first test file that asks for a database has the
 * server started, and a run without such files costs nothing.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await scratchFolder();
  const socket = join(folder.path, 'shared.sock');
  const desk = new SharedServersDesk();
  await desk.listen(socket);
  project.provide('sharedServersSocket', socket);
  return async () => {
    await desk.close();
    await folder.remove();
  };
}

/** Hands out databases, and the turn on a NATS server that all test files share. */
class SharedServersDesk {
  #postgres: Promise<SharedPostgres> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #server: Server = createServer((request, response) => {
    const answer = this.#answer(`${request.method} ${request.url}`, () => text(request), response);
    answer.then(
      (body) => response.end(body),
      (error: Error) => response.writeHead(500).end(error.stack),
    );
  });

  listen(socket: string): Promise<void> {
    return new Promise((listening) => this.#server.listen(socket, listening));
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await (await this.#postgres)?.close();
  }

  async #answer(question: string, body: () => Promise<string>, response: ServerResponse): Promise<string> {
    switch (question) {
      case 'POST /database':
        return (await this.#sharedPostgres()).createDatabase();
      case 'POST /database/drop':
        await (await this.#sharedPostgres()).dropDatabase(await body());
        return '';
      case 'POST /nats-turn':
        return this.#takeTurn(response);
      default:
        throw new Error(`Nobody answers ${question}`);
    }
  }

  #sharedPostgres(): Promise<SharedPostgres> {
    this.#postgres ??= sharedPostgres();
    return this.#postgres;
  }

  /** The turn begins with the first byte of the answer and ends with the connection, however the test file ends. */
  async #takeTurn(response: ServerResponse): Promise<string> {
    const over = new Promise((resolve) => response.once('close', resolve));
    const previous = this.#turn;
    this.#turn = previous.then(() => over);
    await previous;
    response.write('your turn\n');
    await over;
    return '';
  }
}
