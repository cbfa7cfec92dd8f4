import { formatLine, formatRecord, LEVELS, type LogRecord, parseRecord, sameSaying } from './log-record.js';

/** How to show what a service reports. */
export interface ViewOptions {
  service: string;
  /** Records below this level are not shown. */
  level: number;
  colours: boolean;
}

/** The same again within this time is only counted. */
const REPEATED_WITHIN_MS = 10_000;

/** Chooses what to show of the lines that one service writes. */
export class ServiceView {
  #starting = true;
  #last: { record: LogRecord; shownAt: number; unshown: number } | undefined;

  constructor(private readonly options: ViewOptions) {}

  /** The service does its work: from now on its warnings are shown. While it starts it warns that others are not there yet. */
  endStart(): void {
    this.#starting = false;
  }

  /**
   * The text to show for a line; undefined for none. What is no record comes from Node.js itself or tells of a wrong
   * configuration, and is always important.
   *
   * @param now milliseconds of any clock
   */
  show(line: string, now: number): string | undefined {
    const { service, colours, level } = this.options;
    const record = parseRecord(line);
    if (!record) return line.trim() === '' || level === LEVELS.silent ? undefined : formatLine(line, service, colours);
    if (record.level < this.#threshold() || this.#isRepeated(record, now)) return undefined;
    const before = this.#last?.unshown
      ? `${formatLine(`(${this.#last.unshown} more like this)`, service, colours)}\n`
      : '';
    this.#last = { record, shownAt: now, unshown: 0 };
    return before + formatRecord(record, service, colours);
  }

  #threshold(): number {
    const { level } = this.options;
    return this.#starting && level === LEVELS.warn ? LEVELS.error : level;
  }

  #isRepeated(record: LogRecord, now: number): boolean {
    const last = this.#last;
    if (!last || now - last.shownAt > REPEATED_WITHIN_MS || !sameSaying(last.record, record)) return false;
    last.unshown += 1;
    return true;
  }
}
