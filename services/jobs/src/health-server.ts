/** `/health/live`, `/health/ready` and `/metrics`, on a port of their own. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** What the process needs, by name, and whether it is there. */
export type Readiness = Readonly<Record<string, boolean>>;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export class HealthServer {
  private readonly server: Server;

  constructor(
    private readonly registry: Registry,
    private readonly readiness: () => Promise<Readiness>,
  ) {
    this.server = createServer((request, response) => void this.respond(request.url ?? '', response));
  }

  /** Resolves with the port. */
  async listen({ host, port }: { host: string; port: number }): Promise<number> {
    this.server.listen(port, host);
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async respond(url: string, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.answer(url).catch(failed);
    response.writeHead(status, { 'content-type': type }).end(body);
  }

  private async answer(url: string): Promise<Answer> {
    switch (url.split('?')[0]) {
      case '/health/live':
        return json(200, { status: 'ok' });
      case '/health/ready':
        return readinessAnswer(await this.readiness());
      case '/metrics':
        return { status: 200, type: this.registry.contentType, body: await this.registry.metrics() };
      default:
        return json(404, { status: 'not found' });
    }
  }
}

function readinessAnswer(readiness: Readiness): Answer {
  const ready = Object.values(readiness).every(Boolean);
  return json(ready ? 200 : 503, { status: ready ? 'ok' : 'unavailable', ...readiness });
}

function failed(error: unknown): Answer {
  return json(500, { status: 'error', message: String(error) });
}

function json(status: number, body: object): Answer {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}
