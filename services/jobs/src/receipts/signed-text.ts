/** The text that is signed: JSON as RFC 8785 writes it, so that whoever has the values has the same bytes. */

/** Deeper than any receipt, far above what exhausts the stack. */
const DEEPEST = 32;

/** @throws TypeError for more than 32 levels */
export function signedText(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth >= DEEPEST) throw new TypeError(`nested deeper than ${DEEPEST} levels`);
  if (Array.isArray(value)) return `[${value.map((item) => signedText(item, depth + 1)).join(',')}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  // By UTF-16 code units, as JavaScript compares.
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${signedText(member, depth + 1)}`).join(',')}}`;
}
