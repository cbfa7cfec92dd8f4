/** What the tool prints: results on standard output, everything else on standard error. */

/** A column of a table: its heading, and where its text stands. Numbers stand right. */
export interface Column {
  readonly heading: string;
  readonly align?: 'left' | 'right';
}

export class Output {
  constructor(
    /** Results are JSON. */
    readonly json: boolean,
    private readonly out: Pick<NodeJS.WritableStream, 'write'> = process.stdout,
    private readonly err: Pick<NodeJS.WritableStream, 'write'> = process.stderr,
  ) {}

  /** The one result of a command: as JSON, or as text for people. */
  result(value: unknown, text: () => string): void {
    this.out.write(this.json ? `${JSON.stringify(value, undefined, 2)}\n` : `${text()}\n`);
  }

  /** One of many results: a line of JSON, or a line for people. */
  line(value: unknown, text: () => string): void {
    this.out.write(`${this.json ? JSON.stringify(value) : text()}\n`);
  }

  /** What a person wants to know meanwhile. */
  note(text: string): void {
    this.err.write(`${text}\n`);
  }

  failure(message: string, exitCode: number): void {
    this.err.write(this.json ? `${JSON.stringify({ error: { message, exitCode } })}\n` : `${message}\n`);
  }
}

/** Rows below their headings. */
export function table(columns: readonly Column[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => columns.map((_, index) => String(row[index] ?? '')));
  const lines = [columns.map(({ heading }) => heading), ...cells];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const padded = (text: string, index: number) => {
    const width = widths[index] ?? 0;
    return columns[index]?.align === 'right' ? text.padStart(width) : text.padEnd(width);
  };
  return lines.map((line) => line.map(padded).join('  ').trimEnd()).join('\n');
}

/** `1234567` → `1,234,567`. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Milliseconds as people say them: `45 ms`, `12.3 s`, `2 min 5 s`, `3 h 20 min`. */
export function duration(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
