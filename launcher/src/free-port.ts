import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

/**
 * `count` different TCP ports that were free on `host` a moment ago. Another process may take one before it is used, so
 * a caller starts its server at once and asks again when the port turns out to be taken.
 */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map((server) => listen(server, host)));
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

/** One port, see {@link freePorts}. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const [port] = await freePorts(1, host);
  if (port === undefined) throw new Error('The system offered no free port');
  return port;
}

async function listen(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
