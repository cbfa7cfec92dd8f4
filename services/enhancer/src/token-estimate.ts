/**
 * How many tokens umT5 makes of a text, estimated without its tokenizer. Pure.
 *
 * umT5 has a SentencePiece unigram vocabulary of 256,000 pieces over some hundred languages, with bytes for what it does
 * not know. Frequent words and most Han characters are pieces; what is not falls apart into shorter pieces, at worst into
 * UTF-8 bytes. Each rule here is meant to count more than running text needs (a common word is one piece and counts one
 * for every three letters), so that the model does not cut off what the estimate lets pass. It is an estimate all the
 * same, not measured against the tokenizer: rare words can take more than it says.
 */

/**
 * A run of Latin letters or of another alphabet with the space before it, which is part of its first piece; other white
 * space; or a single character of anything else.
 */
const PIECES =
  /\s*(?<latin>[\p{Script=Latin}\p{M}]+)|\s*(?<alphabet>(?:(?![\p{Script=Latin}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])[\p{L}\p{M}])+)|(?<space>\s+)|(?<syllable>[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])|(?<mark>[\p{ASCII}\u3000-\u303f\uff00-\uffef“”‘’…—–·])|(?<other>.)/gsu;

const LATIN_LETTERS_PER_TOKEN = 3;
const OTHER_LETTERS_PER_TOKEN = 2;
/** What is longer, or has more consonants in a row, is no word: its letters are counted one by one. */
const WORD_MAX_LETTERS = 20;
const NO_WORD = /[^aeiouy]{6}/;
/** The end mark, and the mark that begins every text. */
const FRAME_TOKENS = 2;

/** Tokens of a text, its end mark included: rather too many than too few. */
export function estimateTokens(text: string): number {
  let tokens = FRAME_TOKENS;
  for (const { groups } of text.normalize('NFKC').trim().matchAll(PIECES)) tokens += tokensOf(groups ?? {});
  return tokens;
}

function tokensOf({ latin, alphabet, other }: Partial<Record<string, string>>): number {
  if (latin) return latinTokens(latin);
  if (alphabet) return Math.ceil(alphabet.length / OTHER_LETTERS_PER_TOKEN);
  return other ? characterTokens(other) : 1;
}

function latinTokens(word: string): number {
  const plain = word.normalize('NFD').toLowerCase();
  if (word.length > WORD_MAX_LETTERS || NO_WORD.test(plain)) return plain.length;
  // Letters with marks make rarer pieces.
  return Math.ceil(plain.length / LATIN_LETTERS_PER_TOKEN);
}

/** A frequent Han character is one token; what may be unknown is counted in bytes. */
function characterTokens(character: string): number {
  return frequentHan().has(character) ? 1 : Buffer.byteLength(character);
}

let known: ReadonlySet<string> | undefined;

/** The characters of the two standards that everyday Chinese is written in: GB 2312, and the first level of Big5. */
function frequentHan(): ReadonlySet<string> {
  known ??= new Set([...charactersOf('gb2312', 0xb0, 0xf7), ...charactersOf('big5', 0xa4, 0xc6)]);
  return known;
}

function* charactersOf(encoding: string, firstRow: number, lastRow: number): Generator<string> {
  const decoder = new TextDecoder(encoding);
  for (let row = firstRow; row <= lastRow; row++) {
    for (let cell = 0x40; cell <= 0xfe; cell++) {
      const text = decoder.decode(Uint8Array.of(row, cell));
      if (/^\p{Script=Han}$/u.test(text)) yield text;
    }
  }
}
