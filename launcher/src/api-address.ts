import { once } from 'node:events';
import { createServer } from 'node:net';
import { errorCode } from '#service-kit/file-errors.js';
import { freePort } from './free-port.js';

/**
 * The port that the gateway will listen on.
 *
 * @param wanted 0 takes a free one
 * @throws with what to do when the port cannot be had
 */
export async function choosePort(host: string, wanted: number): Promise<number> {
  if (wanted === 0) return freePort(host);
  const probe = createServer();
  try {
    probe.listen(wanted, host);
    await once(probe, 'listening');
    return wanted;
  } catch (error) {
    throw new Error(refusal(host, wanted, errorCode(error)), { cause: error });
  } finally {
    await new Promise((closed) => probe.close(closed));
  }
}

function refusal(host: string, port: number, code: string | undefined): string {
  if (code === 'EADDRINUSE') {
    return `Port ${port} of ${host} is taken by another program. Choose another one: PORT=${port + 1} npm start (PORT=0 takes a free one)`;
  }
  if (code === 'EACCES')
    return `Port ${port} may be used by the administrator only. Choose one above 1023: PORT=3000 npm start`;
  return `This machine cannot listen on ${host} (${code}). HOST must be one of its own addresses, such as 127.0.0.1 or 0.0.0.0`;
}

/** An address under which this machine reaches what listens on `host`. */
export function localUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
