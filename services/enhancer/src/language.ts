/** The languages that prompts are written in. WAN was trained on Chinese descriptions first of all. */
export const LANGUAGES = ['zh', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The share of Han characters below which a text is not Chinese. Names and quoted words may be Latin. */
const LEAST_HAN = 0.3;
/** The share of Latin letters below which a text is not in a language that uses them. */
const LEAST_LATIN = 0.7;

/** Whether the letters of a text are those of a language. A text without letters is in none. */
export function isWrittenIn(text: string, language: Language): boolean {
  const letters = count(text, /\p{L}/gu);
  if (letters === 0) return false;
  // Japanese and Korean have Han characters too.
  const others = count(text, /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu);
  if (language === 'en') return count(text, /\p{Script=Latin}/gu) / letters >= LEAST_LATIN;
  return count(text, /\p{Script=Han}/gu) / letters >= LEAST_HAN && others / letters < LEAST_HAN;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
