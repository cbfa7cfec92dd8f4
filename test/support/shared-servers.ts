import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';

/** Asks vitest's main process; see `global-setup.ts`. */
export async function askSharedServers(path: string, body = ''): Promise<string> {
  const response = await send(path, body);
  const answer = await text(response);
  if (response.statusCode !== 200) throw new Error(`The tests' shared servers failed: ${answer}`);
  return answer;
}

/** Waits for this file's turn on the shared NATS server; the function ends it. */
export async function takeNatsTurn(): Promise<() => void> {
  const response = await send('/nats-turn', '');
  await once(response, 'data');
  return () => void response.destroy();
}

async function send(path: string, body: string): Promise<IncomingMessage> {
  const socketPath = inject('sharedServersSocket');
  if (!socketPath)
    throw new Error('test/support/global-setup.ts is not in the globalSetup of the vitest configuration');
  const asking = request({ socketPath, method: 'POST', path });
  const answered = once(asking, 'response');
  asking.end(body);
  const [response] = await answered;
  return response as IncomingMessage;
}
