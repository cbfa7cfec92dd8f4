/** What a service writes: one JSON object a line, as pino does. */
export interface LogRecord {
  level: number;
  /** ISO 8601. */
  time: string;
  msg?: string;
  err?: { message?: string; stack?: string };
  [key: string]: unknown;
}

/** pino's levels by their names. */
export const LEVELS = {
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
  silent: Number.POSITIVE_INFINITY,
} as const;

/** The record that a line holds; undefined when it is something else. */
export function parseRecord(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as Partial<LogRecord> | null;
    return typeof value?.level === 'number' && typeof value.time === 'string' ? (value as LogRecord) : undefined;
  } catch (error) {
    // Not JSON after all: it is shown as it is.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A record as a person reads it: time, service, level, message, other fields; below an error where it comes from. */
export function formatRecord(record: LogRecord, service: string, colours: boolean): string {
  const { level, time, err, msg, service: _, ...fields } = record;
  const paint = colours ? painter(level) : plain;
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${compact(value)}`);
  const head = [clock(time), paint.service(service), paint.level(levelName(level)), printable(saying(record)), ...rest];
  const stack = err && level >= LEVELS.error ? `\n${indent(printable(err.stack ?? compact(err)))}` : '';
  return head.join('  ') + stack;
}

/** A warning's error is told in a word: where it comes from matters when something has failed. */
function saying({ level, msg, err }: LogRecord): string {
  if (!err?.message || level >= LEVELS.error) return msg ?? err?.message ?? '';
  return msg ? `${msg}: ${err.message}` : err.message;
}

/** Whether two records of one service say the same. */
export function sameSaying(one: LogRecord, other: LogRecord): boolean {
  return one.level === other.level && one.msg === other.msg && one.err?.message === other.err?.message;
}

/** A line that is no record, under the service's name. */
export function formatLine(line: string, service: string, colours: boolean): string {
  return `${(colours ? painter(LEVELS.info) : plain).service(service)}  ${printable(line)}`;
}

const NAME_WIDTH = 'sdxl-worker'.length;

interface Painter {
  service(name: string): string;
  level(name: string): string;
}

const plain: Painter = { service: (name) => name.padEnd(NAME_WIDTH), level: (name) => name.padEnd(5) };

const RESET = '\x1b[0m';
const SERVICE_COLOURS = ['\x1b[36m', '\x1b[35m', '\x1b[34m', '\x1b[32m', '\x1b[96m'] as const;

/** A service always has the same colour. */
function painter(level: number): Painter {
  const colour = level >= LEVELS.error ? '\x1b[31m' : level >= LEVELS.warn ? '\x1b[33m' : '\x1b[2m';
  return {
    service: (name) => `${colourOf(name)}${plain.service(name)}${RESET}`,
    level: (name) => `${colour}${plain.level(name)}${RESET}`,
  };
}

function colourOf(service: string): string {
  const sum = [...service].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return SERVICE_COLOURS[sum % SERVICE_COLOURS.length] ?? '';
}

function levelName(level: number): string {
  const found = Object.entries(LEVELS).find(([, value]) => value === level);
  return (found?.[0] ?? `level ${level}`).toUpperCase();
}

/** The local time of day. */
function clock(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0'));
  return `${parts.join(':')}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function compact(value: unknown): string {
  return printable(typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value));
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}

/** What others wrote must not steer the terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be found
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '\ufffd');
}
