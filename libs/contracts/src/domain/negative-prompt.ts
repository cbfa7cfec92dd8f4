/** The negative prompt of SDXL jobs, as the reference builds it. WAN takes none. */
import { NEGATIVE_PROMPT_MAX_TOKENS } from '../limits.js';

const NEGATIVES = [
  ...['bad anatomy', 'extra limbs', 'deformed', 'missing limbs'],
  ...['low quality', 'bad quality', 'worst quality'],
  ...['deformed hands', 'extra fingers', 'deformed face', 'malformed'],
  ...['text', 'watermark', 'logo'],
  ...['ugly', 'poorly drawn'],
];
const ADULT_NEGATIVES = ['deformed breasts', 'extra breasts', 'anatomical errors', 'wrong anatomy'];
const ADULT_WORDS = ['naked', 'nude', 'sex'];
/** The text encoder spends two of its tokens on the start and the end of the text. */
const USABLE_TOKENS = NEGATIVE_PROMPT_MAX_TOKENS - 2;

/**
 * What the client wants to avoid, then the generated list, cut at whole terms to what the text encoder reads.
 * The client's own words come first, so they are the last to go.
 */
export function negativePromptFor(prompt: string, fromClient = ''): string {
  const lower = prompt.toLowerCase();
  const adult = ADULT_WORDS.some((word) => lower.includes(word)) ? ADULT_NEGATIVES : [];
  const own = fromClient.split(',').map((term) => term.trim());
  const terms = [...own.filter((term) => term !== ''), ...NEGATIVES, ...adult];
  return fitting([...new Set(terms)]).join(', ');
}

function fitting(terms: readonly string[]): string[] {
  const kept: string[] = [];
  let left = USABLE_TOKENS;
  for (const term of terms) {
    const comma = kept.length > 0 ? 1 : 0;
    const fits = wordsWithin(term, left - comma);
    if (fits !== '') kept.push(fits);
    if (fits !== term) break;
    left -= estimateTokens(term) + comma;
  }
  return kept;
}

/** As many of a term's words as fit; a term of several words is only cut when it alone is too long for the encoder. */
function wordsWithin(term: string, tokens: number): string {
  if (estimateTokens(term) <= tokens) return term;
  if (estimateTokens(term) <= USABLE_TOKENS) return '';
  const words = term.split(/\s+/);
  while (words.length > 0 && estimateTokens(words.join(' ')) > tokens) words.pop();
  return words.join(' ');
}

/**
 * Tokens of a text, never fewer than CLIP's byte-pair encoder makes of common words: a word of up to 8 Latin letters
 * counts one, longer ones one per 4 letters, a digit or punctuation mark one each, any other character one per UTF-8
 * byte (the encoder falls back to bytes).
 */
export function estimateTokens(text: string): number {
  const pieces = text.match(/[a-z]+|[0-9]|[^\sa-z0-9]/giu) ?? [];
  return pieces.reduce((sum, piece) => sum + tokensOf(piece), 0);
}

function tokensOf(piece: string): number {
  if (/^[a-z]+$/i.test(piece)) return piece.length <= 8 ? 1 : Math.ceil(piece.length / 4);
  return Buffer.byteLength(piece, 'utf8');
}
