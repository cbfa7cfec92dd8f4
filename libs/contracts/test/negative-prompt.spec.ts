import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateTokens, negativePromptFor } from '#contracts/domain/negative-prompt.js';
import { NEGATIVE_PROMPT_MAX_TOKENS } from '#contracts/limits.js';

// What the function of the API reference answers.
const ORDINARY =
  'bad anatomy, extra limbs, deformed, missing limbs, low quality, bad quality, worst quality, deformed hands, ' +
  'extra fingers, deformed face, malformed, text, watermark, logo, ugly, poorly drawn';
const ADULT = `${ORDINARY}, deformed breasts, extra breasts, anatomical errors, wrong anatomy`;
/** The encoder adds one for the start and one for the end. */
const USABLE = NEGATIVE_PROMPT_MAX_TOKENS - 2;

describe('the negative prompt', () => {
  it.each(['', 'beautiful woman in garden', 'a lighthouse at dawn'])('for %j › is the reference’s', (prompt) => {
    expect(negativePromptFor(prompt)).toBe(ORDINARY);
  });

  it.each(['a Naked statue', 'nude study', 'SEX', 'the city of Essex'])(
    'for %j › is the reference’s for adults',
    (prompt) => {
      expect(negativePromptFor(prompt)).toBe(ADULT);
    },
  );

  it('with words of the client › begins with them and drops what no longer fits', () => {
    expect(negativePromptFor('a cat', 'fog, rain')).toBe(`fog, rain, ${ORDINARY}`);
    expect(negativePromptFor('a cat', ' fog ,, fog, ugly ')).toBe(`fog, ugly, ${ORDINARY.replace('ugly, ', '')}`);
    const many = Array.from({ length: 30 }, (_, n) => `w${'abcdefghij'.charAt(n % 10)}${'xyz'.charAt(n % 3)}`).join(
      ', ',
    );
    const result = negativePromptFor('a cat', many);
    expect(result.startsWith(many)).toBe(true);
    expect(ORDINARY.startsWith(result.slice(many.length + 2))).toBe(true);
  });

  it('is never longer than the encoder reads, whatever the client says', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 400 }),
      fc
        .array(fc.constantFrom('word', 'extraordinarily', ',', ' ', '9', '雾', '🦊', '\n'), { maxLength: 200 })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, fc.boolean(), (own, adult) => {
        const result = negativePromptFor(adult ? 'nude' : 'cat', own);
        expect(estimateTokens(result)).toBeLessThanOrEqual(USABLE);
        // A request without words of its own is never left without a negative prompt.
        if (own.replaceAll(',', '').trim() === '') expect(result).toBe(adult ? ADULT : ORDINARY);
      }),
    );
  });
});
