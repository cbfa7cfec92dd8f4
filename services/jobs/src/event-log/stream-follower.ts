/** Reads one stream from its checkpoint on, and notices when it is not the stream that was read before. */
import type { LogReader, StreamPosition } from '#eventing/log-reader.js';
import type { Log } from '#service-kit/log.js';
import { eventIdOf, type LogRow, logRow } from './log-row.js';
import type { Checkpoint } from './log-statements.js';

/** Events that are read and written at once. */
export const BATCH_EVENTS = 500;
/** How often a stream that seems sound is looked at: it may have been made anew while the connection held. */
const LOOK_INTERVAL_MS = 1_000;

/** What the checkpoint says about a stream. */
type Verdict = 'sound' | 'other stream';

/**
 * Whether the stream is the one that the checkpoint was written for: it reaches the checkpoint, and the message there is
 * the one that was logged. A message that the stream has let go by its age says nothing against it.
 */
export async function judge(
  checkpoint: Checkpoint,
  position: Pick<StreamPosition, 'firstSequence' | 'lastSequence'>,
  idAt: (sequence: number) => Promise<string | undefined>,
): Promise<Verdict> {
  if (position.lastSequence < checkpoint.sequence) return 'other stream';
  if (checkpoint.eventId === null || checkpoint.sequence < position.firstSequence) return 'sound';
  return (await idAt(checkpoint.sequence)) === checkpoint.eventId ? 'sound' : 'other stream';
}

export class StreamFollower {
  private checkpoint: Checkpoint | undefined;
  private position: StreamPosition | undefined;
  private lookedAt = 0;
  private doubts = 0;
  private ahead: { readonly from: number; readonly rows: Promise<LogRow[]> } | undefined;

  constructor(
    private readonly reader: LogReader,
    private readonly log: Log,
  ) {}

  get stream(): string {
    return this.reader.stream;
  }

  /** Messages that are stored and not logged yet, as of the last look. */
  get lag(): number {
    if (!this.position || !this.checkpoint) return 0;
    return Math.max(this.position.lastSequence - this.checkpoint.sequence, 0);
  }

  /** The checkpoint, once it was found sound; undefined asks for `begin` before the next read. */
  get place(): Checkpoint | undefined {
    return this.checkpoint;
  }

  /** Makes the next pass read the checkpoint again and examine the stream. */
  doubt(): void {
    this.doubts++;
    this.checkpoint = undefined;
    this.ahead = undefined;
  }

  /**
   * Looks at the stream, reads on from where `settle` says, and from nowhere if there was a new doubt meanwhile.
   * `settle` gets the place from which to read and stores it.
   */
  async begin(settle: (examine: (stored: Checkpoint | undefined) => Promise<Checkpoint>) => Promise<Checkpoint>) {
    const doubts = this.doubts;
    const checkpoint = await settle((stored) => this.examine(stored));
    if (doubts === this.doubts) this.checkpoint = checkpoint;
  }

  /** After `from` was written up to `to`; nothing when there was a doubt meanwhile. */
  advance(from: Checkpoint, to: Checkpoint): void {
    if (this.checkpoint === from) this.checkpoint = to;
  }

  /** Where to read on, given what the database has. */
  private async examine(stored: Checkpoint | undefined): Promise<Checkpoint> {
    const position = await this.reader.position();
    this.position = position;
    this.lookedAt = performance.now();
    const verdict = stored && (await judge(stored, position, (sequence) => this.idAt(sequence)));
    if (stored && verdict === 'sound') return stored;
    if (stored) this.log.warn({ stream: this.stream, checkpoint: stored, position }, 'the stream was made anew');
    else if (position.firstSequence > 1) this.log.warn({ stream: this.stream, position }, 'the log begins late');
    return { epoch: (stored?.epoch ?? 0) + 1, sequence: Math.max(position.firstSequence - 1, 0), eventId: null };
  }

  /** The next events, none when there is nothing new. */
  async read(from: Checkpoint): Promise<LogRow[]> {
    const first = from.sequence + 1;
    const rows = await (this.ahead?.from === first ? this.ahead.rows : this.readFrom(first));
    this.ahead = undefined;
    await this.look(from);
    // The connection was lost meanwhile, or the stream is another: what was read may not follow what was logged.
    return this.checkpoint === from ? rows : [];
  }

  /** Reads on behind a full batch while that is written: Postgres and this process then work at the same time. */
  readAhead(rows: readonly LogRow[]): void {
    const last = rows.at(-1);
    if (!last || rows.length < BATCH_EVENTS) return;
    const from = last.sequence + 1;
    const reading = this.readFrom(from);
    this.ahead = { from, rows: reading };
    // It is awaited later, if at all; until then a failure must not count as unhandled.
    reading.catch((error: unknown) => this.log.debug({ err: error }, 'reading ahead failed'));
  }

  private async readFrom(sequence: number): Promise<LogRow[]> {
    const events = await this.reader.read(sequence, BATCH_EVENTS);
    return events.map((event) => logRow(this.stream, event));
  }

  private async idAt(sequence: number): Promise<string | undefined> {
    const found = await this.reader.messageAt(sequence);
    return found && eventIdOf(this.stream, found);
  }

  private async look(from: Checkpoint): Promise<void> {
    if (performance.now() - this.lookedAt < LOOK_INTERVAL_MS) return;
    const position = await this.reader.position();
    const known = this.position;
    this.position = position;
    this.lookedAt = performance.now();
    if (position.createdAt !== known?.createdAt || position.lastSequence < from.sequence) this.doubt();
  }
}
