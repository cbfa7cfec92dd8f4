import { shapeArabic } from './arabic-shaping.js';
import type { Glyph } from './coverage.js';
import type { Typefaces } from './typefaces.js';

/** What belongs together: a character and the marks on it. `advance` in pixels. */
export interface Cluster {
  readonly base: string;
  readonly glyphs: readonly Glyph[];
  readonly advance: number;
}

/** Code units of a prompt that are looked at: several times what three lines can hold. */
const LONGEST_TEXT = 1_000;

/** Text as a caption can show it: one paragraph, no controls, invisible characters or lone surrogates. */
export function captionText(prompt: string): string {
  return shapeArabic(
    prompt
      .slice(0, LONGEST_TEXT)
      .toWellFormed()
      .normalize('NFC')
      .replace(/[\p{Cc}\p{Z}]+/gu, ' ')
      .replace(/[\p{Cf}\p{Co}\p{Variation_Selector}\p{Emoji_Modifier}\ufffd]/gu, '')
      .trim(),
  );
}

/** Marks beyond the second would only smear the line above. */
const MOST_MARKS = 2;

/** `size`: height of an em in pixels. A character that no font has is left out. */
export function clustersOf(text: string, typefaces: Typefaces, size: number): Cluster[] {
  return (text.match(/\P{M}\p{M}*|\p{M}+/gsu) ?? []).flatMap((cluster) => {
    const [base = '', ...marks] = cluster;
    const glyphs = [base, ...marks.slice(0, MOST_MARKS)].flatMap((character) => {
      const glyph = typefaces.glyph(character.codePointAt(0) ?? 0, size);
      return glyph ? [glyph] : [];
    });
    const [first] = glyphs;
    return first ? [{ base, glyphs, advance: first.advance }] : [];
  });
}

export function widthOf(line: readonly Cluster[]): number {
  return line.reduce((width, cluster) => width + cluster.advance, 0);
}

/** Breaks clusters into at most `mostLines` lines of `width` pixels; what is left over becomes the ellipsis. */
export function wrapLines(
  clusters: readonly Cluster[],
  width: number,
  mostLines: number,
  ellipsis: Cluster,
): Cluster[][] {
  const lines: Cluster[][] = [];
  let rest = [...clusters];
  while (rest.length > 0 && lines.length < mostLines) {
    const fitting = Math.max(1, countFitting(rest, width));
    const isLast = lines.length === mostLines - 1;
    const end = fitting === rest.length || isLast ? fitting : lineEnd(rest, fitting);
    lines.push(rest.slice(0, end));
    rest = withoutLeadingSpace(rest.slice(end));
  }
  const last = lines.pop();
  if (!last) return [];
  return [...lines, rest.length > 0 ? shortened(last, width, ellipsis) : last];
}

function countFitting(clusters: readonly Cluster[], width: number): number {
  let used = 0;
  const overflowing = clusters.findIndex((cluster) => {
    used += cluster.advance;
    return used > width;
  });
  return overflowing < 0 ? clusters.length : overflowing;
}

/** The last place at or before `limit` where a line may end: at a space, or beside a character that needs none. */
function lineEnd(clusters: readonly Cluster[], limit: number): number {
  for (let end = limit; end > 0; end--) {
    const [before, after] = [clusters[end - 1]?.base ?? '', clusters[end]?.base ?? ''];
    if (after === ' ' || before === ' ' || NEEDS_NO_SPACE.test(before) || NEEDS_NO_SPACE.test(after)) return end;
  }
  return limit;
}

const NEEDS_NO_SPACE =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Khmer}\p{sc=Lao}\p{Extended_Pictographic}]/u;

function withoutLeadingSpace(clusters: Cluster[]): Cluster[] {
  const start = clusters.findIndex((cluster) => cluster.base !== ' ');
  return start < 0 ? [] : clusters.slice(start);
}

function shortened(line: readonly Cluster[], width: number, ellipsis: Cluster): Cluster[] {
  const fitting = line.slice(0, countFitting(line, width - ellipsis.advance));
  while (fitting.at(-1)?.base === ' ') fitting.pop();
  return [...fitting, ellipsis];
}
