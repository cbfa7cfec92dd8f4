/**
 * JSON as Postgres writes a `jsonb` value as text: keys by length in bytes, then by bytes; a blank after `:` and `,`;
 * numbers without exponent. The hash chain is made over this text, so that SQL alone can verify it.
 */

/** Far below the depth at which Postgres or JavaScript runs out of stack. */
const DEEPEST = 200;

/** The value is nested deeper than anything of ours. */
export class TooDeepError extends Error {
  override readonly name = 'TooDeepError';
}

/** Throws `TooDeepError` for more than 200 levels. */
export function jsonbText(value: unknown, depth = 0): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return numberText(value);
  if (typeof value !== 'object' || value === null) return value === undefined ? 'null' : String(value);
  if (depth >= DEEPEST) throw new TooDeepError(`nested deeper than ${DEEPEST} levels`);
  if (Array.isArray(value)) return `[${value.map((item) => jsonbText(item, depth + 1)).join(', ')}]`;
  return objectText(value as Record<string, unknown>, depth);
}

/**
 * Why `jsonb` cannot hold a value, or undefined when it can. `text` is the value's `jsonbText`, in which a NUL and half a
 * surrogate pair stand as escapes. A backslash that happens to stand before such letters is rare and does no harm.
 */
export function unfitForJsonb(text: string): string | undefined {
  return /\\u(?:0000|d[89a-f])/.test(text) ? 'a character that jsonb cannot hold' : undefined;
}

function objectText(value: Record<string, unknown>, depth: number): string {
  let text = '';
  for (const [key, label] of labelsOf(Object.keys(value))) {
    const member = value[key];
    if (member !== undefined) text += `${text === '' ? '' : ', '}${label}${jsonbText(member, depth + 1)}`;
  }
  return `{${text}}`;
}

type Labels = readonly (readonly [key: string, label: string])[];

/** Events of one type have the same keys: sorting them again and again would be half of the work. */
const labelsOfShape = new Map<string, Labels>();
const MOST_SHAPES = 500;
const MOST_KEYS = 40;

function labelsOf(keys: readonly string[]): Labels {
  if (keys.length > MOST_KEYS) return sortedLabels(keys);
  const shape = JSON.stringify(keys);
  const known = labelsOfShape.get(shape);
  if (known) return known;
  const labels = sortedLabels(keys);
  if (labelsOfShape.size >= MOST_SHAPES) labelsOfShape.clear();
  labelsOfShape.set(shape, labels);
  return labels;
}

function sortedLabels(keys: readonly string[]): Labels {
  return [...keys].sort(byBytes).map((key) => [key, `${JSON.stringify(key)}: `]);
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
