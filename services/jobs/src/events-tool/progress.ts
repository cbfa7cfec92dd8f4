/** How far a long command has got: one line that is drawn again on a terminal, a plain line now and then elsewhere. */
import { duration, grouped } from './output.js';

const REDRAW_MS = 100;
const LINE_MS = 5_000;
const BAR_CELLS = 24;

export class Progress {
  private readonly startedAt = performance.now();
  private drawnAt = this.startedAt;
  private done = 0;

  /**
   * @param total what `done` will be at the end; 0 when it is not known
   * @param from what was done before: the rate counts from there
   */
  constructor(
    private readonly what: string,
    private total: number,
    private readonly from = 0,
    private readonly terminal: Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean } = process.stderr,
  ) {}

  /** Shows how much is done by now; also how much there is, where that has changed. */
  update(done: number, total = this.total): void {
    this.done = done;
    this.total = total;
    const now = performance.now();
    if (now - this.drawnAt < (this.terminal.isTTY ? REDRAW_MS : LINE_MS)) return;
    this.drawnAt = now;
    this.terminal.write(this.terminal.isTTY ? `\r\x1b[K${this.line(true)}` : `${this.line(false)}\n`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.terminal.isTTY) this.terminal.write('\r\x1b[K');
  }

  /** Events (or whatever is counted) a second. */
  get rate(): number {
    return ((this.done - this.from) / Math.max(performance.now() - this.startedAt, 1)) * 1_000;
  }

  private line(withBar: boolean): string {
    const speed = `${grouped(this.rate)}/s`;
    if (this.total === 0) return `${this.what}  ${grouped(this.done)}  ${speed}`;
    const share = Math.min(this.done / this.total, 1);
    const full = Math.floor(share * BAR_CELLS);
    const bar = withBar ? `  ${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}` : '';
    const left = duration(((this.total - this.done) / Math.max(this.rate, 1)) * 1_000);
    const percent = `${Math.floor(share * 100)}%`;
    return `${this.what}${bar}  ${percent}  ${grouped(this.done)} of ${grouped(this.total)}  ${speed}  ${left} left`;
  }
}
