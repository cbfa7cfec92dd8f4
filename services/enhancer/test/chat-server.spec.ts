import { afterEach, describe, expect, test } from 'vitest';
import { ConfigurationError } from '#service-kit/environment.js';
import { createLog } from '#service-kit/log.js';
import { ChatServer, retryAfterOf } from '../src/chat-server.js';
import { WriterError } from '../src/prompt-writer.js';
import {
  aChatServer,
  answers,
  breaksOffAfter,
  fallsSilentAfter,
  runsOn,
  says,
  streams,
  type TestChatServer,
} from './a-chat-server.js';

const silent = createLog('test', 'silent');
const never = new AbortController().signal;
const REQUEST = {
  messages: [{ role: 'user' as const, content: '灯塔' }],
  maxTokens: 100,
  maxCharacters: 1_000,
  seed: 7,
};
let server: TestChatServer;
afterEach(() => server.close());

async function clientOf(behaviour: Parameters<typeof aChatServer>[0][number], over: object = {}) {
  server = await aChatServer([behaviour]);
  const limits = { firstTokenMs: 5_000, silenceMs: 5_000 };
  return new ChatServer({ url: `${server.url}/v1/`, model: 'qwen', ...limits, ...over }, silent);
}

describe('a server that answers', () => {
  test('› its text comes as it is written, whole in the end', async () => {
    const client = await clientOf(says('黎明时分，一座灯塔矗立在海边。'), { apiKey: 'key' });
    const seen: string[] = [];
    const answer = await client.complete(REQUEST, (soFar) => void seen.push(soFar), never);
    expect(answer).toEqual({ text: '黎明时分，一座灯塔矗立在海边。', cutOff: false });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.every((text) => answer.text.startsWith(text))).toBe(true);
    expect(server.bodies[0]).toMatchObject({ model: 'qwen', stream: true, seed: 7, max_tokens: 100 });
    expect(server.headers[0]?.authorization).toBe('Bearer key');
  });

  test('with all its tokens used up › says so', async () => {
    const client = await clientOf(says('一座灯塔', 'length'));
    expect(await client.complete(REQUEST, () => undefined, never)).toEqual({ text: '一座灯塔', cutOff: true });
  });

  test('and never stops › is stopped, and let go of', async () => {
    const client = await clientOf(runsOn);
    expect(await client.complete(REQUEST, () => undefined, never)).toMatchObject({ cutOff: true });
    await server.abandoned(1);
  });
});

describe('a server that fails', () => {
  const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;

  test.each([
    ['breaks off', breaksOffAfter('一座灯'), true],
    ['ends without an end', says('一座灯', null), true],
    ['says nothing', fallsSilentAfter(''), true],
    ['falls silent', fallsSilentAfter('一座灯'), true],
    ['sends no JSON', streams('data: {"cho\n\n'), true],
    ['sends JSON of another kind', streams('data: 7\n\ndata: null\n\n'), true],
    ['tells of an error in the stream', streams(event({ error: { message: 'out of memory' } })), true],
    ['sends a line without end', streams(`data: ${'x'.repeat(300_000)}`), true],
    ['answers with a page', answers(200, { 'content-type': 'text/html' }, '<html>'), true],
    ['answers 500', answers(500), true],
    ['answers 503', answers(503), true],
    ['answers 408', answers(408), true],
    ['answers 409', answers(409), true],
    ['answers 400', answers(400), false],
    ['answers 401', answers(401), false],
    ['answers 404', answers(404), false],
  ])('and %s › is told apart: another try %#', async (_, behaviour, retryable) => {
    const client = await clientOf(behaviour, { firstTokenMs: 150, silenceMs: 100 });
    const failure = await client.complete(REQUEST, () => undefined, never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WriterError);
    expect(failure).toMatchObject({ retryable });
  });

  test('and answers 429 › says when to come again', async () => {
    const client = await clientOf(answers(429, { 'retry-after': '3' }));
    const asked = client.complete(REQUEST, () => undefined, never);
    await expect(asked).rejects.toMatchObject({ retryable: true, retryAfterMs: 3_000 });
  });

  test('and repeats the prompt in its error › only the kind of the error is told', async () => {
    const body = JSON.stringify({ error: { message: 'bad input: 灯塔', type: 'BadRequestError' } });
    const client = await clientOf(answers(400, {}, body));
    const asked = client.complete(REQUEST, () => undefined, never);
    await expect(asked).rejects.toThrow('the engine answered 400 (BadRequestError)');
  });

  test('and is not there › is told as one that may come back', async () => {
    const client = await clientOf(says('x'));
    await server.close();
    await expect(client.complete(REQUEST, () => undefined, never)).rejects.toMatchObject({ retryable: true });
  });
});

test('when aborted in the middle of an answer › it ends with the reason, and the server is let go of', async () => {
  const client = await clientOf(fallsSilentAfter('一座灯'));
  const stop = new AbortController();
  const asked = client.complete(REQUEST, () => stop.abort(new Error('cancelled')), stop.signal);
  await expect(asked).rejects.toThrow('cancelled');
  await server.abandoned(1);
});

describe('when a server is to be ready', () => {
  const settings = { model: 'qwen', firstTokenMs: 1_000, silenceMs: 1_000 };

  test('and answers anything › it is', async () => {
    server = await aChatServer([], () => 404);
    await new ChatServer({ ...settings, url: server.url }, silent).whenReady(never);
  });

  test('and does not take the key › nobody waits', async () => {
    server = await aChatServer([], () => 401);
    const ready = new ChatServer({ ...settings, url: server.url }, silent).whenReady(never);
    await expect(ready).rejects.toBeInstanceOf(ConfigurationError);
  });

  test('and still loads its model › it is waited for until told to stop', async () => {
    const stop = new AbortController();
    server = await aChatServer([], () => {
      stop.abort(new Error('stopping'));
      return 503;
    });
    const ready = new ChatServer({ ...settings, url: server.url }, silent).whenReady(stop.signal);
    await expect(ready).rejects.toThrow();
  });
});

test.each([
  [null, undefined],
  ['2', 2_000],
  ['0.5', 500],
  ['-1', 0],
  ['Thu, 01 Jan 1970 00:00:10 GMT', 9_000],
  ['soon', undefined],
])('Retry-After %s › %s ms', (header, ms) => {
  server = { close: async () => undefined } as TestChatServer;
  expect(retryAfterOf(header, 1_000)).toBe(ms);
});
