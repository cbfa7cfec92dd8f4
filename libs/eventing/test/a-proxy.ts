import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between client and server and can lose what the server says. */
export interface LossyProxy {
  readonly url: string;
  /** Once the client has said this, nothing of what the server says arrives. */
  deafenAfter(said: string): void;
  /** Ends all connections and lets new ones through. */
  cut(): void;
  /** Ends all connections and lets none through until `cut`. */
  shut(): void;
  close(): void;
}

export async function aProxy(port: number): Promise<LossyProxy> {
  let deaf = false;
  let isShut = false;
  let awaited: string | undefined;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    // Whoever is cut off is told by the end of the connection.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    if (isShut) return void client.destroy();
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) keep(socket);
    client.on('data', (data) => {
      deaf ||= awaited !== undefined && data.includes(awaited);
      upstream.write(data);
    });
    upstream.on('data', (data) => void (deaf || client.write(data)));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    deaf = false;
    isShut = false;
    awaited = undefined;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deafenAfter: (said) => {
      awaited = said;
    },
    cut,
    shut: () => {
      cut();
      isShut = true;
    },
    close: () => {
      server.close();
      cut();
    },
  };
}
