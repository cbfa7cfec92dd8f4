/** Reads server-sent events as they come. */
import { authorization } from './gateway-kit.js';

export interface ReceivedEvent {
  readonly id?: number;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly data: any;
}

export interface ReaderOptions {
  readonly lastEventId?: number | string;
  readonly userId?: string;
}

export class EventReader {
  private buffer = '';
  private readonly decoder = new TextDecoder();

  private constructor(
    readonly response: Response,
    private readonly body: ReadableStreamDefaultReader<Uint8Array>,
    private readonly aborter: AbortController,
  ) {}

  static async open(url: string, jobId: string, options: ReaderOptions = {}): Promise<EventReader> {
    const aborter = new AbortController();
    const headers: Record<string, string> = await authorization(options.userId);
    if (options.lastEventId !== undefined) headers['last-event-id'] = String(options.lastEventId);
    const response = await fetch(`${url}/api/jobs/${jobId}/events`, { headers, signal: aborter.signal });
    if (!response.body) throw new Error('no body');
    return new EventReader(response, response.body.getReader(), aborter);
  }

  /** The next event, or undefined when the stream has ended. Comments are left out. */
  async next(): Promise<ReceivedEvent | undefined> {
    for (;;) {
      const end = this.buffer.indexOf('\n\n');
      if (end < 0) {
        const { done, value } = await this.body.read();
        if (done) return undefined;
        this.buffer += this.decoder.decode(value, { stream: true });
        continue;
      }
      const block = this.buffer.slice(0, end);
      this.buffer = this.buffer.slice(end + 2);
      const event = parse(block);
      if (event) return event;
    }
  }

  /** Events up to the first that fulfils the condition, that one included. */
  async until(condition: (event: ReceivedEvent) => boolean): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = [];
    for (let event = await this.next(); event; event = await this.next()) {
      events.push(event);
      if (condition(event)) return events;
    }
    throw new Error(`the stream ended after ${events.map(({ event }) => event).join(', ')}`);
  }

  /** All events to the end of the stream. */
  async rest(): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = [];
    for (let event = await this.next(); event; event = await this.next()) events.push(event);
    return events;
  }

  close(): void {
    this.aborter.abort();
  }
}

function parse(block: string): ReceivedEvent | undefined {
  const fields = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  const event = fields.get('event');
  if (event === undefined) return undefined;
  const id = fields.get('id');
  return { event, id: id === undefined ? undefined : Number(id), data: JSON.parse(fields.get('data') ?? 'null') };
}
