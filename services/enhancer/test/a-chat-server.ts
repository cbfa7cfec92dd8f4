/** A server that speaks as OpenAI-compatible ones do, and misbehaves on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ChatBody {
  readonly model: string;
  readonly stream: boolean;
  readonly seed: number;
  readonly max_tokens: number;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

type Behaviour = (response: ServerResponse, body: ChatBody) => void;

export interface TestChatServer {
  readonly url: string;
  /** The requests so far. */
  readonly bodies: ChatBody[];
  readonly headers: IncomingMessage['headers'][];
  /** Resolves when the client has closed so many requests before their end. */
  abandoned(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Behaves in turn; the last way again and again. The list of models answers with `modelsStatus`. */
export async function aChatServer(
  behaviours: readonly Behaviour[],
  modelsStatus: () => number = () => 200,
): Promise<TestChatServer> {
  const bodies: ChatBody[] = [];
  const headers: IncomingMessage['headers'][] = [];
  let left = 0;
  const waiting: (() => void)[] = [];
  const server = createServer(async (request, response) => {
    if (request.url === '/v1/models') return void response.writeHead(modelsStatus()).end('{}');
    const body = JSON.parse(await textOf(request)) as ChatBody;
    response.on('close', () => {
      if (!response.writableFinished) left += 1;
      for (const tell of waiting) tell();
    });
    headers.push(request.headers);
    behaviours[Math.min(bodies.push(body), behaviours.length) - 1]?.(response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const abandoned = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => left >= count && resolve();
      waiting.push(look);
      look();
    });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, bodies, headers, abandoned, close };
}

/** Answers word by word, as tokens come. */
export function says(text: string, finish: string | null = 'stop'): Behaviour {
  return (response) => {
    begin(response);
    for (const word of text.match(/[\s\S]{1,7}/g) ?? []) response.write(chunk({ content: word }));
    if (finish) response.write(chunk({}, finish));
    response.end('data: [DONE]\n\n');
  };
}

/** Writes so much, and then nothing more. */
export function fallsSilentAfter(text: string): Behaviour {
  return (response) => {
    begin(response);
    if (text) response.write(chunk({ content: text }));
  };
}

/** The connection breaks in the middle of the answer. */
export function breaksOffAfter(text: string): Behaviour {
  return (response) => {
    begin(response);
    response.write(chunk({ content: text }), () => response.destroy());
  };
}

export function answers(status: number, headers: Record<string, string> = {}, body = '{}'): Behaviour {
  return (response) => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

/** An event stream of whatever is given. */
export function streams(text: string): Behaviour {
  return (response) => {
    begin(response);
    response.end(text);
  };
}

/** Never stops by itself. */
export const runsOn: Behaviour = (response) => {
  begin(response);
  const timer = setInterval(() => response.write(chunk({ content: '远处的山峦起伏，'.repeat(50) })), 1);
  response.on('close', () => clearInterval(timer));
};

function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(': hello\n\n');
  response.write(chunk({ role: 'assistant', content: '' }));
}

function chunk(delta: object, finish: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', choices })}\r\n\r\n`;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part;
  return text;
}
