/**
 * Reads a text the way a person would who wants to know what it means: through leetspeak, look-alike letters, letters
 * with spaces between them and invisible characters. Each word keeps all its readings, so that a wrong guess costs nothing.
 */

import { HIDDEN_BACKWARDS } from './terms.js';

export interface Readings {
  /** Lower case, without accents and invisible characters, every run of punctuation and spaces one space. */
  readonly plain: string;
  /** All that a word at a place may be read as; its plain spelling is among them. */
  readonly words: readonly ReadonlySet<string>[];
  /** Words that were spelled letter by letter, run together. */
  readonly spelled: readonly string[];
}

const INVISIBLE = /\p{Cf}|\u034f|\u115f|\u1160|\u17b4|\u17b5|\u3164|[\ufe00-\ufe0f]|\u20e3|\p{Cc}(?<![\t\n\r])/gu;
/** Has one form only, and nothing invisible. */
const PRINTABLE_ASCII = /^[\t\n\r\x20-\x7e]*$/;
const ACCENTS = /[\u0300-\u036f]/g;
const NOT_WORD = /[^\p{L}\p{M}\p{N}]+/gu;
/** Pictures say something too; they stay in the plain form. */
const NOT_SAYING = /[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}]+/gu;
/** Marks that people put inside a word to hide it. */
const INNER_MARKS = /[.\-_*~|/\\+'’`´,:;#^"!]+/g;
const OUTER_MARKS = /^[^\p{L}\p{N}$@]+|[^\p{L}\p{N}$@]+$/gu;
const SPELLED = /(?<![\p{L}\p{N}])[\p{L}\p{N}@$](?:[\s.\-_*~|/\\+,]{1,3}[\p{L}\p{N}@$]){2,}(?![\p{L}\p{N}])/gu;

/** Words that are written backwards to hide them, by how they look then. */
const BACKWARDS = new Map(HIDDEN_BACKWARDS.map((word) => [[...word].reverse().join(''), word]));

const LEET: Readonly<Record<string, string>> = {
  ...{ '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '6': 'g', '7': 't', '8': 'b', '9': 'g' },
  ...{ '@': 'a', $: 's', '!': 'i', '|': 'i', '€': 'e', '£': 'l', '+': 't' },
};

/** Latin letters whose stroke or shape Unicode does not take apart. */
const UNDECOMPOSED: Readonly<Record<string, string>> = { ı: 'i', ł: 'l', ø: 'o', đ: 'd', ß: 'ss' };

/** Letters of other scripts that look like Latin ones. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  ...{ а: 'a', в: 'b', с: 'c', е: 'e', н: 'h', і: 'i', ј: 'j', к: 'k', м: 'm', о: 'o', р: 'p', ѕ: 's', т: 't' },
  ...{ у: 'y', х: 'x', ԁ: 'd', ӏ: 'l', п: 'n', г: 'r', ɡ: 'g', ʏ: 'y' },
  ...{ α: 'a', β: 'b', ε: 'e', η: 'n', ι: 'i', κ: 'k', ν: 'v', ο: 'o', ρ: 'p', τ: 't', υ: 'u', χ: 'x', ω: 'w' },
};

/** Lower case, compatibility forms made plain, no accents, nothing invisible. Terms are compared in this form. */
export function plainForm(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text.toLowerCase();
  const folded = text.normalize('NFKC').toLowerCase().replace(INVISIBLE, '');
  const bare = folded.normalize('NFD').replace(ACCENTS, '').normalize('NFC');
  return bare.replace(/[ıłøđß]/g, (letter) => UNDECOMPOSED[letter] ?? letter);
}

export function readingsOf(text: string): Readings {
  const folded = plainForm(text);
  const words = folded.split(/\s+/).flatMap(readChunk);
  return { plain: folded.replace(NOT_SAYING, ' ').trim(), words, spelled: spelledWords(folded) };
}

/** Latin letters, none of them three times in a row: nothing to be read in another way. Most words are like that. */
const PLAIN_WORD = /^(?:([a-z])(?!\1\1))+$/;

/** One stretch without spaces: the words in it, the last of which may also be read as the whole stretch without marks. */
function readChunk(chunk: string): Set<string>[] {
  if (PLAIN_WORD.test(chunk)) return [plainWord(chunk)];
  const parts = chunk.split(NOT_WORD).filter((part) => part !== '');
  const words = parts.map(readWord);
  const last = words.at(-1) ?? new Set<string>();
  const core = chunk.replace(OUTER_MARKS, '');
  const whole = [chunk, core, core.replace(INNER_MARKS, '')].filter((form) => !parts.includes(form));
  for (const reading of whole.flatMap((form) => [...readWord(form)])) last.add(reading);
  if (words.length === 0 && last.size > 0) words.push(last);
  return words;
}

function plainWord(word: string): Set<string> {
  const meant = BACKWARDS.get(word);
  return new Set(meant === undefined ? [word] : [word, meant]);
}

function readWord(word: string): Set<string> {
  if (PLAIN_WORD.test(word)) return plainWord(word);
  const readings = new Set([word]);
  for (const reading of [...readings]) readings.add(latin(reading));
  for (const reading of [...readings]) for (const unleeted of unleet(reading)) readings.add(unleeted);
  for (const reading of [...readings]) for (const squeezed of squeeze(reading)) readings.add(squeezed);
  return readings;
}

/** Look-alikes become Latin where a word mixes scripts; a word of one script is left alone. */
function latin(word: string): string {
  if (!/[a-z]/.test(word) || /^[a-z0-9]*$/.test(word)) return word;
  return Array.from(word, (letter) => LOOKALIKES[letter] ?? letter).join('');
}

/** So many signs of a word are read in both ways; a word with more of them is read in the first way only. */
const CHOICES_MAX = 4;

/** `1` may stand for i or l. Only in words that mix letters with such signs: 14 stays 14. */
function unleet(word: string): string[] {
  if (!/[a-z]/.test(word) || !/[0-9@$!|€£+]/.test(word)) return [];
  const read = (text: string) => Array.from(text, (sign) => LEET[sign] ?? sign).join('');
  return choices(word, /1/g, () => ['i', 'l']).map(read);
}

const THRICE = /(\p{L})\1{2,}/gu;

/** A letter three times or more was meant once or twice. */
function squeeze(word: string): string[] {
  return choices(word, THRICE, ([letter = '']) => [letter, letter + letter]);
}

/** The word with each match replaced in each of its two ways. */
function choices(word: string, pattern: RegExp, waysOf: (match: string) => readonly [string, string]): string[] {
  const { length } = word.match(pattern) ?? [];
  const free = length <= CHOICES_MAX ? length : 0;
  return Array.from({ length: 2 ** free }, (_, choice) => {
    let at = 0;
    return word.replace(pattern, (match) => waysOf(match)[(choice >> at++) & 1] ?? match);
  });
}

function spelledWords(folded: string): string[] {
  const runs = folded.match(SPELLED) ?? [];
  return runs.flatMap((run) => [...readWord(run.replace(/[^\p{L}\p{N}@$]/gu, ''))]);
}
