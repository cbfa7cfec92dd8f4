import { describe, expect, it } from 'vitest';
import { formatLine, formatRecord, type LogRecord, parseRecord } from './log-record.js';
import { ServiceView } from './service-view.js';

const time = new Date(2026, 0, 2, 3, 4, 5, 6).toISOString();
const record = (more: Partial<LogRecord>): LogRecord => ({ level: 30, time, msg: 'hello', ...more });

describe('parseRecord', () => {
  it.each(['plain text', '{"not":"a record"}', '{broken', '[]', 'null'])('%s › is no record', (line) => {
    expect(parseRecord(line)).toBeUndefined();
  });

  it('a line of pino › is one', () => {
    expect(parseRecord(JSON.stringify(record({})))).toEqual(record({}));
  });
});

describe('formatRecord', () => {
  it('tells time, service, level, message and the other fields', () => {
    const text = formatRecord(record({ service: 'jobs', port: 3000, why: 'a b' }), 'jobs', false);
    expect(text).toBe('03:04:05.006  jobs         INFO   hello  port=3000  why="a b"');
  });

  it('when an error is logged › shows below where it comes from', () => {
    const err = { message: 'lost', stack: 'Error: lost\n    at here' };
    const text = formatRecord(record({ level: 50, err }), 'jobs', false);
    expect(text.split('\n').slice(1)).toEqual(['    Error: lost', '        at here']);
  });

  it('when a warning has an error › tells it in a word', () => {
    const text = formatRecord(
      record({ level: 40, err: { message: 'lost', stack: 'Error: lost\n at' } }),
      'jobs',
      false,
    );
    expect(text).toBe('03:04:05.006  jobs         WARN   hello: lost');
  });

  it('when a message holds control characters › they do not reach the terminal', () => {
    expect(formatRecord(record({ msg: 'a\x1b[2Jb', more: '\x9b' }), 'jobs', true)).toContain('a\ufffd[2Jb');
    expect(formatLine('\x1b]0;title\x07', 'jobs', false)).toBe('jobs         \ufffd]0;title\ufffd');
  });

  it('with colours › the text is the same', () => {
    const coloured = formatRecord(record({}), 'jobs', true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours' own
    expect(coloured.replaceAll(/\x1b\[\d+m/g, '')).toBe(formatRecord(record({}), 'jobs', false));
  });
});

describe('ServiceView', () => {
  const warning = JSON.stringify(record({ level: 40 }));
  const error = JSON.stringify(record({ level: 50 }));
  const view = () => new ServiceView({ service: 'jobs', level: 40, colours: false });

  it('while the service starts › shows errors and plain lines, but no warnings', () => {
    const shown = [warning, error, 'Wrong configuration:', ''].map((line) => view().show(line, 0) !== undefined);
    expect(shown).toEqual([false, true, true, false]);
  });

  it('when it has started › shows warnings, and no information', () => {
    const started = view();
    started.endStart();
    expect(started.show(warning, 0)).toContain('WARN');
    expect(started.show(JSON.stringify(record({})), 0)).toBeUndefined();
  });

  it('when the same comes again and again › shows it once and then how often', () => {
    const one = view();
    const shown = [0, 1, 2].map((now) => one.show(error, now) !== undefined);
    expect(shown).toEqual([true, false, false]);
    expect(one.show(error, 20_000)).toContain('(2 more like this)');
  });
});
