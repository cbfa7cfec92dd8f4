/** The network between one service and NATS: a proxy on loopback that can cut it off or swallow what is said. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class FaultyNetwork {
  private readonly sockets = new Set<Socket>();
  private refusing = false;
  private silent = false;

  private constructor(
    private readonly server: Server,
    private readonly upstreamPort: number,
  ) {
    server.on('connection', (client) => this.join(client));
  }

  /** Resolves when it listens. */
  static async to(upstreamPort: number): Promise<FaultyNetwork> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyNetwork(server, upstreamPort);
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends all connections and takes no new ones. */
  cutOff(): void {
    this.refusing = true;
    this.endAll();
  }

  /** Keeps the connections and lets nothing through, until `mend`: what was said meanwhile arrives then. */
  blackHole(): void {
    this.silent = true;
    for (const socket of this.sockets) socket.pause();
  }

  mend(): void {
    this.refusing = false;
    this.silent = false;
    for (const socket of this.sockets) socket.resume();
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.endAll();
    await closed;
  }

  private join(client: Socket): void {
    if (this.refusing) return void client.destroy();
    const upstream = connect(this.upstreamPort, '127.0.0.1');
    this.keep(client, upstream);
    this.keep(upstream, client);
  }

  private keep(socket: Socket, other: Socket): void {
    this.sockets.add(socket);
    socket.on('data', (data) => void (other.destroyed || other.write(data)));
    // The end of the connection tells the other side; an error is followed by it.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.sockets.delete(socket);
      other.destroy();
    });
    if (this.silent) socket.pause();
    else socket.resume();
  }

  private endAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}
