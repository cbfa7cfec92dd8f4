import type { WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { ServiceView } from './service-view.js';

/** What the person who started the platform sees. */
export class Terminal {
  /** Something that is redrawn in place, below all lines. */
  #bar = '';
  #closed = false;

  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly colours: boolean,
  ) {
    // The reader of a pipe or the terminal went away. The platform goes on; a closed terminal also sends SIGHUP.
    stream.on('error', () => {
      this.#closed = true;
    });
  }

  /** Whether something can be redrawn in place. */
  get interactive(): boolean {
    return this.stream.isTTY && !this.#closed;
  }

  /** The launcher's own words. */
  say(message: string): void {
    this.#print(message);
  }

  /** The launcher's words about something that went wrong. */
  warn(message: string): void {
    this.#print(this.colours ? `\x1b[33m${message}\x1b[0m` : message);
  }

  /** Shows a line that is redrawn in place; an empty one takes it away. */
  drawBar(bar: string): void {
    this.#bar = bar;
    this.#write(`\r\x1b[K${bar}`);
  }

  /** Files all lines of a service's output and shows what `view` chooses. */
  follow(output: Readable, view: ServiceView, file: WriteStream): void {
    createInterface({ input: output, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      file.write(`${line}\n`);
      const text = view.show(line, performance.now());
      if (text !== undefined) this.#print(text);
    });
  }

  #print(text: string): void {
    this.#write(this.#bar === '' ? `${text}\n` : `\r\x1b[K${text}\n${this.#bar}`);
  }

  #write(text: string): void {
    if (!this.#closed) this.stream.write(text);
  }
}
