/** One try: posts a message and says what became of it. */
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { refusalOf, type TargetPolicy } from '#webhooks/target.js';
import { ForbiddenAddressError, guardedLookup, type Resolve } from './addresses.js';
import { type AttemptResult, retryAfterMs } from './retrying.js';

export interface Posting {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface PostOptions {
  readonly policy: TargetPolicy;
  readonly resolve: Resolve;
  /** For everything, from the name server to the end of the answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What a receiver answers is not read; this much is taken, so that it can finish. */
const ANSWER_MAX_BYTES = 16 * 1024;

/**
 * Follows no redirect, so the address that was checked is the only one. Resolves with undefined when the signal ended it,
 * never rejects.
 */
export async function post(posting: Posting, options: PostOptions): Promise<AttemptResult | undefined> {
  const { policy, timeoutMs, signal } = options;
  if (refusalOf(posting.url, policy)) return { kind: 'refused_address', error: 'the address is not allowed here' };
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await answerTo(posting, options, AbortSignal.any([signal, timeout]));
    const { statusCode = 0, headers } = response;
    return { kind: 'answered', status: statusCode, retryAfterMs: retryAfterMs(headers['retry-after'], Date.now()) };
  } catch (error) {
    if (signal.aborted) return undefined;
    if (timeout.aborted) return { kind: 'timeout', error: `no answer within ${timeoutMs / 1_000} s` };
    return failureOf(error);
  }
}

/** Resolves when the answer is over, however it ended: its status is what counts. */
function answerTo(posting: Posting, { policy, resolve }: PostOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const url = new URL(posting.url);
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    method: 'POST',
    headers: posting.headers,
    // A connection of its own: a kept one would have been checked for an earlier delivery.
    agent: false,
    lookup: guardedLookup(resolve, policy.allowPrivate),
    signal,
  });
  request.end(posting.body);
  return finished(request);
}

function finished(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined;
    let failure: Error | undefined;
    const note = (error: Error) => {
      failure = error;
    };
    request.on('error', note);
    request.on('response', (response) => {
      answer = response;
      response.on('error', note);
      takeLittleOf(response);
    });
    request.on('close', () => (answer ? resolve(answer) : reject(failure)));
  });
}

function takeLittleOf(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_MAX_BYTES) response.destroy();
  });
}

function failureOf(error: unknown): AttemptResult {
  if (error instanceof ForbiddenAddressError) {
    return { kind: 'refused_address', error: 'the name leads to an address that is not public' };
  }
  return { kind: 'unreachable', error: `cannot connect: ${codeOf(error)}` };
}

/** Messages name addresses; codes do not. Several addresses that failed come as one error of errors. */
function codeOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? error.errors : [error];
  const code = first instanceof Error && 'code' in first ? first.code : undefined;
  return typeof code === 'string' ? code : 'no connection';
}
