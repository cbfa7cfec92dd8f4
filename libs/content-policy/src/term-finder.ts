import { plainForm, type Readings } from './readings.js';
import type { Terms } from './terms.js';

interface Entry {
  /** The words of a term; one that ends in `*` takes every word that starts so. */
  readonly words: readonly string[];
}

const NOTHING: readonly Entry[] = [];

/** Shortest term that is looked for inside letters that were spelled one by one. */
const SPELLED_MIN = 4;

/** Tells whether a text holds any of a list of terms. Takes time in proportion to the text, not to the list. */
export class TermFinder {
  private readonly exact = new Map<string, Entry[]>();
  private readonly starting = new Map<string, Entry[]>();
  private readonly anywhere: readonly string[];
  private readonly insideSpelled: readonly string[];
  private readonly shortestStart: number;
  /** What the terms that end in `*` begin with, cut to the length of the shortest of them. */
  private readonly beginnings: ReadonlySet<string>;

  constructor(terms: Terms) {
    for (const term of terms.words) this.add(plainForm(term).split(' '));
    const starts = [...this.starting.keys()];
    this.shortestStart = Math.min(...starts.map((start) => start.length));
    this.beginnings = new Set(starts.map((start) => start.slice(0, this.shortestStart)));
    this.anywhere = terms.anywhere.map(plainForm);
    const spelled = terms.words.map((term) => plainForm(term).replace(/[ *]/g, ''));
    this.insideSpelled = [...spelled.filter((term) => term.length >= SPELLED_MIN), ...this.anywhere];
  }

  isIn(readings: Readings): boolean {
    return (
      this.anywhere.some((term) => readings.plain.includes(term)) ||
      readings.words.some((_, at) => this.startsAt(readings.words, at)) ||
      readings.spelled.some((word) => this.isSpelled(word))
    );
  }

  private add(words: readonly string[]): void {
    const [first = ''] = words;
    const isStart = first.endsWith('*');
    const key = isStart ? first.slice(0, -1) : first;
    const index = isStart ? this.starting : this.exact;
    index.set(key, [...(index.get(key) ?? []), { words }]);
  }

  private startsAt(words: Readings['words'], at: number): boolean {
    for (const reading of words[at] ?? []) {
      if (this.entriesFor(reading).some((entry) => follows(entry, words, at))) return true;
    }
    return false;
  }

  private entriesFor(reading: string): readonly Entry[] {
    const exact = this.exact.get(reading) ?? NOTHING;
    // Hardly any word begins like a term: one look instead of one for each length.
    if (!this.beginnings.has(reading.slice(0, this.shortestStart))) return exact;
    const found = [...exact];
    const longest = Math.min(reading.length, 24);
    for (let length = this.shortestStart; length <= longest; length += 1) {
      found.push(...(this.starting.get(reading.slice(0, length)) ?? NOTHING));
    }
    return found;
  }

  private isSpelled(word: string): boolean {
    return (
      this.entriesFor(word).some((entry) => entry.words.length === 1) ||
      this.insideSpelled.some((term) => word.includes(term))
    );
  }
}

function follows({ words }: Entry, text: Readings['words'], at: number): boolean {
  return words.slice(1).every((word, offset) => matches(word, text[at + 1 + offset]));
}

function matches(word: string, readings: ReadonlySet<string> | undefined): boolean {
  if (!readings) return false;
  if (!word.endsWith('*')) return readings.has(word);
  const start = word.slice(0, -1);
  return [...readings].some((reading) => reading.startsWith(start));
}
