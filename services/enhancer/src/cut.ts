/** Makes a text fit by leaving out its end. Pure. */
import { estimateTokens } from './token-estimate.js';

/** Where a text may end, best first: behind a sentence, behind a part of one. */
const ENDS = [/[.!?。！？…]+["'”’」』）)]*(?=\s|\p{L}|$)/gu, /(?=[,;:，；：、])/gu];
/** No character takes more, whatever it is. */
const TOKENS_OF_ONE_CHARACTER = 4;

/** The longest beginning of at most `limit` tokens that ends well; of a text without any such end, what surely fits. */
export function cutToTokens(text: string, limit: number): string {
  if (estimateTokens(text) <= limit) return text;
  for (const end of ENDS) {
    const places = [...text.matchAll(end)].map((found) => found.index + found[0].length);
    const place = places.findLast((candidate) => candidate > 0 && estimateTokens(text.slice(0, candidate)) <= limit);
    if (place !== undefined) return text.slice(0, place).trim();
  }
  return Array.from(text)
    .slice(0, Math.floor(limit / TOKENS_OF_ONE_CHARACTER) - 1)
    .join('');
}
