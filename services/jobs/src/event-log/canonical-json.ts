/**
 * JSON as Postgres writes a `jsonb` value as text: keys by length in bytes, then by bytes; a blank after `:` and `,`;
 * numbers without exponent. The hash chain is made over this text, so that SQL alone can verify it.
 */
export function jsonbText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return numberText(value);
  if (Array.isArray(value)) return `[${value.map(jsonbText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return objectText(value as Record<string, unknown>);
  return value === undefined ? 'null' : String(value);
}

function objectText(value: Record<string, unknown>): string {
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  const members = keys.sort(byBytes).map((key) => `${JSON.stringify(key)}: ${jsonbText(value[key])}`);
  return `{${members.join(', ')}}`;
}

function byBytes(a: string, b: string): number {
  return Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Numbers beyond a double, such as 1e999, are read as infinite and written as null. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  const text = String(value);
  const [digits = '', exponent] = text.split('e');
  return exponent === undefined ? text : withoutExponent(digits, Number(exponent));
}

function withoutExponent(digits: string, exponent: number): string {
  const sign = digits.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = digits.replace('-', '').split('.');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - whole.length)}${whole}${fraction}`;
  return `${sign}${whole}${fraction.padEnd(exponent, '0')}`;
}

/** Far below the depth at which Postgres (stack) or JavaScript gives up. */
const DEEPEST = 200;

/** Why `jsonb` cannot hold a value, or undefined when it can. `text` is the value's `jsonbText`. */
export function unfitForJsonb(text: string): string | undefined {
  // JSON.stringify writes a NUL and half a surrogate pair as escapes; an escaped backslash before them is rare and harmless.
  if (/\\u(?:0000|d[89a-f])/.test(text)) return 'a character that jsonb cannot hold';
  return undefined;
}

export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return true;
    level = level
      .filter((item) => typeof item === 'object' && item !== null)
      .flatMap((item) => Object.values(item as object));
  }
  return false;
}
