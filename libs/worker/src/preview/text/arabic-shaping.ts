/**
 * The positional forms of Arabic letters as characters of their own (Unicode blocks Arabic Presentation Forms A and B),
 * for fonts without shaping tables. Unicode lists each letter's forms in the order isolated, final, initial, medial, and
 * their compatibility decomposition is the letter, so the table need not be written down.
 */
const FORMS: ReadonlyMap<string, readonly string[]> = formsByLetter([
  [0xfe80, 0xfefc],
  [0xfb50, 0xfbb1],
  [0xfbd3, 0xfbe9],
  [0xfbfc, 0xfbff],
]);

function formsByLetter(ranges: readonly (readonly [number, number])[]): Map<string, string[]> {
  const forms = new Map<string, string[]>();
  for (const [first, last] of ranges) {
    for (let code = first; code <= last; code++) {
      const form = String.fromCharCode(code);
      const letter = form.normalize('NFKC');
      forms.set(letter, [...(forms.get(letter) ?? []), form]);
    }
  }
  return forms;
}

/** Replaces Arabic letters by the forms that their neighbours call for, and lam followed by alef by its ligature. */
export function shapeArabic(text: string): string {
  const letters = text.match(/\u0644[\u0622\u0623\u0625\u0627]|./gsu) ?? [];
  return letters.map((letter, index) => formOf(letter, letters, index)).join('');
}

function formOf(letter: string, letters: readonly string[], index: number): string {
  const forms = FORMS.get(letter);
  if (!forms) return letter;
  const before = neighbour(letters, index, -1);
  const after = neighbour(letters, index, 1);
  const joinsBefore = joinsForward(before) && forms.length > 1;
  const joinsAfter = joinsForward(letter) && joinsBackward(after);
  return forms[(joinsBefore ? 1 : 0) + (joinsAfter ? 2 : 0)] ?? letter;
}

const TATWEEL = '\u0640';

function joinsForward(letter: string): boolean {
  return letter === TATWEEL || FORMS.get(letter)?.length === 4;
}

function joinsBackward(letter: string): boolean {
  return letter === TATWEEL || (FORMS.get(letter)?.length ?? 0) > 1;
}

/** The next letter in a direction; marks above and below do not separate letters. */
function neighbour(letters: readonly string[], index: number, step: number): string {
  let at = index + step;
  while (/^\p{Mn}$/u.test(letters[at] ?? '')) at += step;
  return letters[at] ?? '';
}
