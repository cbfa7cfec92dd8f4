/** A receiver of webhooks on loopback, which answers as it is told and keeps what it got. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly id: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

type Respond = (response: ServerResponse, received: Received) => void;

export class Receiver {
  readonly received: Received[] = [];
  /** What to do with each message; 200 unless told otherwise. */
  respond: Respond = (response) => void response.end('ok');
  private waiting: (() => void)[] = [];

  private constructor(
    readonly url: string,
    private readonly server: ReturnType<typeof createServer>,
  ) {}

  static async start(): Promise<Receiver> {
    const server = createServer((request, response) => void receiver.take(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new Receiver(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, server);
    return receiver;
  }

  /** Answers with a status, again and again. */
  answer(status: number, headers: Record<string, string> = {}): void {
    this.respond = (response) => void response.writeHead(status, headers).end();
  }

  /** Resolves when as many messages as these have come. */
  async until(count: number): Promise<readonly Received[]> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.received;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers } = request;
    const id = String(headers['webhook-id']);
    const received = { id, headers, body: await text(request), timestamp: Number(headers['webhook-timestamp']) };
    this.received.push(received);
    this.respond(response, received);
    for (const wake of this.waiting.splice(0)) wake();
  }
}

/** What the reference implementation of Standard Webhooks makes of a message; throws unless its signature holds. */
export function verified<T>(secret: string, { headers, body }: Received): T {
  return new Webhook(secret).verify(body, headers as Record<string, string>) as T;
}
