import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultyNetwork } from './faulty-network.js';

let echo: Server;
let network: FaultyNetwork;
let client: Socket;

beforeEach(async () => {
  echo = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  network = await FaultyNetwork.to((echo.address() as AddressInfo).port);
  client = await connected();
});

afterEach(async () => {
  client.destroy();
  await network.close();
  echo.close();
});

describe('a network that can fail', () => {
  it('passes everything on', async () => {
    client.write('hello');
    expect(await heard(client)).toBe('hello');
  });

  it('when cut off › ends connections, refuses new ones, and takes them again when mended', async () => {
    network.cutOff();
    await once(client, 'close');
    await once(await connected(), 'close');
    network.mend();
    client = await connected();
    client.write('again');
    expect(await heard(client)).toBe('again');
  });

  it('as a black hole › lets nothing through, and all of it when mended', async () => {
    network.blackHole();
    let answered = false;
    client.once('data', () => {
      answered = true;
    });
    client.write('late');
    const direct = connect((echo.address() as AddressInfo).port, '127.0.0.1');
    direct.write('at once');
    await heard(direct);
    direct.destroy();
    expect(answered).toBe(false);
    const answer = heard(client);
    network.mend();
    expect(await answer).toBe('late');
  });
});

async function connected(): Promise<Socket> {
  const socket = connect(Number(new URL(network.url).port), '127.0.0.1').on('error', () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function heard(socket: Socket): Promise<string> {
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString();
}
