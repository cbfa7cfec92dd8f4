/** One client's server-sent events, as text. Nothing of jobs in it. */
import { Readable } from 'node:stream';

/** What may wait for a client that does not read. Beyond it the client is dropped; it resumes with `Last-Event-ID`. */
const BUFFER_MAX_BYTES = 1024 * 1024;
/** Above this, messages that a newer one replaces are not worth sending. */
const CONGESTED_BYTES = 64 * 1024;
/** How soon a browser comes back after the stream broke. */
const RECONNECT_MS = 1_000;

export class EventStream {
  /** The body of the answer. */
  readonly body = new Readable({ read() {} });

  constructor() {
    this.body.push(`retry: ${RECONNECT_MS}\n\n`);
  }

  /** Without an id the client's last one stays: a stream resumes behind it. */
  send(event: string, data: unknown, id?: number): void {
    const idLine = id === undefined ? '' : `id: ${id}\n`;
    this.write(`${idLine}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** For events of which only the newest counts. */
  sendUnlessCongested(event: string, data: unknown): void {
    if (this.body.readableLength < CONGESTED_BYTES) this.send(event, data);
  }

  /** Keeps proxies from closing a silent connection. */
  heartbeat(): void {
    this.write(': still here\n\n');
  }

  /** Ends the answer after what is in the buffer. */
  end(): void {
    if (!this.body.destroyed && !this.body.readableEnded) this.body.push(null);
  }

  /** Calls back once when the client is gone or has everything. */
  onClose(listener: () => void): void {
    this.body.once('close', listener);
  }

  private write(text: string): void {
    if (this.body.destroyed) return;
    this.body.push(text);
    if (this.body.readableLength > BUFFER_MAX_BYTES) this.body.destroy();
  }
}
