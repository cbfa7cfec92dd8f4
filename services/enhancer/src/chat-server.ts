/**
 * Client of an OpenAI-compatible server (vLLM, llama.cpp, Ollama, TGI, a hosted one): chat completions, streamed.
 * https://platform.openai.com/docs/api-reference/chat
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '#service-kit/environment.js';
import type { Log } from '#service-kit/log.js';
import type { Answer } from './answer.js';
import { WriterError } from './prompt-writer.js';
import { serverSentData } from './server-sent-data.js';

export interface ChatServerSettings {
  /** With or without `/v1` at the end. */
  readonly url: string;
  readonly apiKey?: string;
  readonly model: string;
  /** How long the first token may take, connecting and waiting in the server's own queue included. */
  readonly firstTokenMs: number;
  /** How long it may be silent between two tokens. */
  readonly silenceMs: number;
}

export interface ChatRequest {
  readonly messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
  readonly maxTokens: number;
  /** A server that does not keep to `maxTokens` is stopped here. */
  readonly maxCharacters: number;
  readonly seed: number;
}

/** What Qwen's makers recommend for instruct models. */
const SAMPLING = { temperature: 0.7, top_p: 0.8 };
const LINE_MAX_CHARACTERS = 256 * 1024;
const READY_RETRY_MS = 2_000;
const READY_LIMIT_MS = 10_000;
/** Request time-out, conflict and too many requests pass by themselves; what else is wrong with a request stays wrong. */
const PASSING_STATUSES = new Set([408, 409, 429]);

/** One event of the stream, as far as it is needed. */
interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly error?: unknown;
}

export class ChatServer {
  private readonly base: string;

  constructor(
    private readonly settings: ChatServerSettings,
    private readonly log: Log,
  ) {
    this.base = `${settings.url.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`;
  }

  /** Waits until the server answers; it may still be loading its model. Rejects when it does not take the key. */
  async whenReady(signal: AbortSignal): Promise<void> {
    for (let told = false; ; told = true) {
      const status = await this.statusOf(signal);
      if (status === 401 || status === 403) throw new ConfigurationError(`ENGINE_API_KEY is not accepted (${status})`);
      if (status !== undefined && status < 500) return;
      this.log[told ? 'debug' : 'info']({ status }, 'waiting for the engine');
      await delay(READY_RETRY_MS, undefined, { signal });
    }
  }

  /**
   * Calls `onText` with the text so far as it grows. Rejects with the signal's reason when that aborts, and with
   * `WriterError` for everything that is wrong with the server or its answer.
   */
  async complete(request: ChatRequest, onText: (soFar: string) => void, signal: AbortSignal): Promise<Answer> {
    const silence = new Silence(this.settings.firstTokenMs);
    try {
      const body = await this.ask(request, AbortSignal.any([signal, silence.signal]));
      return await this.read(body, request, onText, silence);
    } catch (error) {
      signal.throwIfAborted();
      throw asWriterError(error, silence);
    } finally {
      silence.end();
    }
  }

  private async ask(request: ChatRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { model } = this.settings;
    const { messages, maxTokens: max_tokens, seed } = request;
    const headers = { ...this.authorization(), 'content-type': 'application/json', accept: 'text/event-stream' };
    const body = JSON.stringify({ model, messages, max_tokens, seed, stream: true, ...SAMPLING });
    const response = await fetch(`${this.base}/chat/completions`, { method: 'POST', headers, body, signal });
    if (!response.ok) throw await refusalOf(response);
    const isStream = response.headers.get('content-type')?.includes('text/event-stream');
    if (response.body && isStream) return response.body;
    await response.body?.cancel();
    throw new WriterError('the engine answered with something that is no event stream', true);
  }

  private async read(
    body: ReadableStream<Uint8Array>,
    { maxCharacters }: ChatRequest,
    onText: (soFar: string) => void,
    silence: Silence,
  ): Promise<Answer> {
    let text = '';
    let finish: string | undefined;
    for await (const data of serverSentData(body, LINE_MAX_CHARACTERS)) {
      if (data.trim() === '[DONE]') break;
      const { content, reason } = partOf(data);
      finish = reason ?? finish;
      if (!content) continue;
      silence.restart(this.settings.silenceMs);
      text += content;
      if (text.length > maxCharacters) return { text, cutOff: true };
      onText(text);
    }
    if (finish === undefined) throw new WriterError('the engine broke off in the middle of its answer', true);
    return { text, cutOff: finish === 'length' };
  }

  /** Of the list of models, which every server has; undefined when there was no answer. */
  private async statusOf(signal: AbortSignal): Promise<number | undefined> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(READY_LIMIT_MS)]);
    try {
      const response = await fetch(`${this.base}/models`, { headers: this.authorization(), signal: limit });
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      signal.throwIfAborted();
      this.log.debug({ err: error }, 'the engine does not answer');
      return undefined;
    }
  }

  private authorization(): Record<string, string> {
    const { apiKey } = this.settings;
    return apiKey ? { authorization: `Bearer ${apiKey}` } : {};
  }
}

/** Aborts its signal when nothing has come for too long. */
class Silence {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout;

  constructor(firstMs: number) {
    this.timer = this.start(firstMs);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  restart(ms: number): void {
    clearTimeout(this.timer);
    this.timer = this.start(ms);
  }

  end(): void {
    clearTimeout(this.timer);
  }

  private start(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.controller.abort(new WriterError(`the engine was silent for ${ms} ms`, true)), ms);
  }
}

function partOf(data: string): { content?: string; reason?: string } {
  let chunk: Chunk;
  try {
    chunk = JSON.parse(data) as Chunk;
  } catch (error) {
    throw new WriterError('the engine sent an event that is not JSON', true, undefined, { cause: error });
  }
  // Servers that have begun to answer tell what goes wrong then as an event.
  if (chunk?.error) throw new WriterError('the engine failed in the middle of its answer', true);
  const [choice] = Array.isArray(chunk?.choices) ? (chunk.choices as NonNullable<Chunk['choices']>) : [];
  const content = choice?.delta?.content;
  return { content: typeof content === 'string' ? content : undefined, reason: choice?.finish_reason ?? undefined };
}

/** Of an error's body only its kind is told: servers like to repeat the request in the message, and with it the prompt. */
async function refusalOf(response: Response): Promise<WriterError> {
  const { status, headers } = response;
  const retryable = status >= 500 || PASSING_STATUSES.has(status);
  const kind = /"(?:code|type)"\s*:\s*"([\w.-]{1,60})"/.exec(await startOf(response))?.[1];
  const message = `the engine answered ${status}${kind ? ` (${kind})` : ''}`;
  return new WriterError(message, retryable, retryAfterOf(headers.get('retry-after'), Date.now()));
}

async function startOf(response: Response): Promise<string> {
  for await (const bytes of response.body ?? []) return new TextDecoder().decode(bytes);
  return '';
}

/** Milliseconds to wait by a `Retry-After` header: seconds, or an HTTP date. */
export function retryAfterOf(header: string | null, now: number): number | undefined {
  if (!header) return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function asWriterError(error: unknown, silence: Silence): WriterError {
  if (silence.signal.aborted) return silence.signal.reason as WriterError;
  if (error instanceof WriterError) return error;
  return new WriterError('the engine could not be reached or broke off', true, undefined, { cause: error });
}
