/** Pages of lists that grow at their newest end: the cursor names the last item, not a number of items to skip. */
import { isUuid } from '#contracts/ids.js';
import { PAGE_LIMIT_MAX } from '#contracts/limits.js';
import { QueryRefusedError } from '#eventing/request-reply.js';

/** The place of an item in a list that is ordered by time and id. */
export interface Place {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly id: string;
}

export function encodeCursor({ time, id }: Place): string {
  return Buffer.from(`${time}.${id}`).toString('base64url');
}

/** Rejects anything that `encodeCursor` did not make as `invalid_cursor`. */
export function decodeCursor(cursor: string): Place {
  const [time = '', id = ''] = Buffer.from(cursor, 'base64url').toString().split('.');
  const place = { time: Number(time), id };
  if (/^\d{1,14}$/.test(time) && isUuid(id) && encodeCursor(place) === cursor) return place;
  throw new QueryRefusedError('invalid_cursor', 'the cursor is not one that was handed out');
}

export function pageLimit(wanted: number): number {
  return Math.min(Math.max(Math.trunc(wanted) || 1, 1), PAGE_LIMIT_MAX);
}

/** An answer is one message of NATS, and that has a mebibyte at most. */
const ANSWER_MAX_BYTES = 768 * 1024;

/** As many as one answer takes, one at least: prompts may be long. */
export function fitting<R>(rows: readonly R[]): readonly R[] {
  let bytes = 0;
  const beyond = rows.findIndex((row, index) => {
    bytes += Buffer.byteLength(JSON.stringify(row));
    return index > 0 && bytes > ANSWER_MAX_BYTES;
  });
  return beyond < 0 ? rows : rows.slice(0, beyond);
}

/** The first `limit` of one more row than asked for, and the cursor to the next page if there is one. */
export function pageOf<R>(rows: readonly R[], limit: number, placeOf: (row: R) => Place) {
  const items = fitting(rows.slice(0, limit));
  const last = items.at(-1);
  return { items, nextCursor: last && rows.length > items.length ? encodeCursor(placeOf(last)) : null };
}

/** Conditions of a WHERE with their values, in the order in which they were added. */
export class Filter {
  readonly values: unknown[] = [];
  private readonly conditions: string[] = [];

  /** `condition` has a `?` for each value. Left out when a value is undefined. */
  add(condition: string, ...values: unknown[]): this {
    if (values.includes(undefined)) return this;
    this.conditions.push(condition.replaceAll('?', () => this.parameter(values)));
    return this;
  }

  get where(): string {
    return this.conditions.join(' and ');
  }

  private parameter(values: unknown[]): string {
    this.values.push(values.shift());
    return `$${this.values.length}`;
  }
}
