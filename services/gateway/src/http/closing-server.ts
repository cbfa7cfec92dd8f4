import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Requests in hand get so long to be answered. */
const GRACE_MS = 5_000;

/**
 * Lets a server close soon. Browsers open connections that they may never use, and Node waits a minute for the request on
 * them: those are closed at once. What is still open after a while is cut off.
 */
export function closeSoon(server: Server): { readonly begin: () => void; readonly end: () => void } {
  const unused = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    for (const socket of unused) socket.destroy();
    timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  };
  return { begin, end: () => clearTimeout(timer) };
}
