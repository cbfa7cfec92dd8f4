/** A client that believes nothing: every answer has to be one that the OpenAPI document promises. */
import { expect } from 'vitest';
import { contractBreach } from './contract-check.js';

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed, where the answer is JSON. */
  readonly body: T;
}

export interface RequestParts {
  readonly method?: string;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ContractClient {
  constructor(
    private readonly url: () => string,
    private readonly headers: Readonly<Record<string, string>>,
  ) {}

  async request<T = Record<string, unknown>>(path: string, parts: RequestParts = {}): Promise<Answer<T>> {
    const { body, text = body === undefined ? undefined : JSON.stringify(body) } = parts;
    const method = parts.method ?? (text === undefined ? 'GET' : 'POST');
    const json = text === undefined ? {} : { 'content-type': 'application/json' };
    const address = new URL(path, this.url());
    const response = await fetch(address, {
      method,
      body: text,
      headers: { ...this.headers, ...json, ...parts.headers },
    });
    return this.checked<T>(method, address.pathname, response);
  }

  private async checked<T>(method: string, path: string, response: Response): Promise<Answer<T>> {
    const { status, headers } = response;
    const mediaType = headers.get('content-type')?.split(';', 1)[0] ?? '';
    const text = await response.text();
    const body = mediaType === 'application/json' ? JSON.parse(text) : text === '' ? undefined : text;
    expect(contractBreach({ method, path, status, mediaType, body })).toBeUndefined();
    if (status === 429 || status === 503) {
      if ((body as { retryable?: boolean }).retryable) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    return { status, headers, body };
  }
}
