import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KNOWN_FALSE_POSITIVES, ORDINARY_PROMPTS } from '../test/ordinary-prompts.js';
import { KNOWN_MISSES, REFUSED_PROMPTS } from '../test/refused-prompts.js';
import { refusalFor, refusalForRewrite } from './content-policy.js';

const verdict = (prompt: string, negativePrompt?: string, allowAdult = true) =>
  refusalFor({ prompt, negativePrompt }, { adultAllowed: allowAdult })?.category;

/** Refused unless the operator allows adult content. */
const ADULT = [
  'adult 25 year old nude',
  'porn',
  'two adults having sex',
  'hentai',
  'nsfw',
  'blowjob',
  'naked woman on a bed',
  'topless man at a beach',
  'p0rn',
  's e x',
  'mujer desnuda',
  'femme nue',
  'nackte Frau',
  'donna nuda',
  'голая женщина',
  '裸体女人',
  'ヌードの女性',
  '누드 여성',
];

/** Part of those that get the wrong verdict, with the texts, so that a failure names them. */
function wrong(prompts: readonly string[], isWrong: (prompt: string) => boolean) {
  const found = prompts.filter(isWrong);
  return {
    found,
    rate: `${found.length} of ${prompts.length} (${((100 * found.length) / prompts.length).toFixed(1)}%)`,
  };
}

describe('measured on lists', () => {
  it('what brings minors and sex together is refused whatever the settings, in all spellings', () => {
    const missed = wrong(REFUSED_PROMPTS, (prompt) => verdict(prompt, undefined, true) !== 'minors');
    console.log(`content policy: missed ${missed.rate} of what must be refused`);
    expect(REFUSED_PROMPTS.length).toBeGreaterThanOrEqual(200);
    expect(missed.found).toEqual(KNOWN_MISSES);
    expect(REFUSED_PROMPTS.filter((prompt) => verdict(prompt, undefined, false) === undefined)).toEqual(KNOWN_MISSES);
  });

  it('what is ordinary is taken at the strictest settings, soon', () => {
    const startedAt = performance.now();
    const refused = wrong(ORDINARY_PROMPTS, (prompt) => verdict(prompt, undefined, false) !== undefined);
    const each = (performance.now() - startedAt) / ORDINARY_PROMPTS.length;
    console.log(`content policy: refused ${refused.rate} of ordinary prompts; ${each.toFixed(3)} ms a prompt`);
    expect(ORDINARY_PROMPTS.length).toBeGreaterThanOrEqual(300);
    expect(new Set(ORDINARY_PROMPTS).size).toBe(ORDINARY_PROMPTS.length);
    expect(refused.found.sort()).toEqual([...KNOWN_FALSE_POSITIVES].sort());
    expect(each).toBeLessThan(2);
  });

  it('a harmless phrase ends where its words end, and other words in it are not part of it', () => {
    expect(verdict('child, nude palettes')).toBe('minors');
    expect(verdict('nude 儿童 color')).toBe('minors');
    expect(verdict('child with nude - lipstick')).toBeUndefined();
  });

  it('naming one in much other text hides nothing', () => {
    const filler = 'a wide landscape with hills and rivers, '.repeat(200);
    expect(verdict(`${filler} nude ${filler} child ${filler}`)).toBe('minors');
  });
});

describe('what a language model made of an accepted prompt', () => {
  it('may be what the original was, and nothing worse', () => {
    expect(refusalForRewrite('a castle', 'an old castle on a hill')).toBeUndefined();
    expect(refusalForRewrite('nude woman on a bed', 'a nude woman on a bed, soft light')).toBeUndefined();
    expect(refusalForRewrite('woman on a bed', 'a nude woman on a bed')).toEqual({
      category: 'adult',
      rule: 'adult-nudity',
    });
    expect(refusalForRewrite('nude woman', 'a nude schoolgirl')?.category).toBe('minors');
  });
});

describe('adult content', () => {
  it.each(ADULT)('%s', (prompt) => {
    expect(verdict(prompt, undefined, false)).toBe('adult');
    expect(verdict(prompt, undefined, true)).toBeUndefined();
  });
});

describe('a negative prompt', () => {
  it.each([
    ['a child on a beach', 'clothes'],
    ['a schoolgirl in her room', 'clothing, blurry'],
    ['nude woman', 'adult, mature'],
    ['a garden', 'nude child'],
    ['a garden', 'loli porn'],
  ])('may not turn "%s" into something else: %s', (prompt, negativePrompt) => {
    expect(verdict(prompt, negativePrompt)).toBe('minors');
  });

  it.each([
    ['a garden', 'child, nude, nsfw, blurry'],
    ['nude woman, 30 years old', 'child, teen, young girl, loli'],
    ['children in a park', 'nsfw, nudity, sexual'],
    ['a child on a beach', 'blurry, text, watermark'],
    ['a woman in a dress', 'adult, clothes'],
  ])('may be a precaution: "%s" without %s', (prompt, negativePrompt) => {
    expect(verdict(prompt, negativePrompt)).toBeUndefined();
  });
});

describe('any text', () => {
  it('gets a verdict', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (prompt) => {
        expect([undefined, 'adult', 'minors']).toContain(verdict(prompt, prompt, false));
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['words', 'nude '.repeat(2_000)],
    ['single letters', 'a '.repeat(5_000)],
    ['one word', 'a'.repeat(10_000)],
    ['marks', 'a.!-'.repeat(2_500)],
    ['numbers', '14 '.repeat(3_300)],
    ['numbers in words', 'двадцать '.repeat(1_100)],
  ])('of 10,000 characters of %s gets it soon', (_, prompt) => {
    const startedAt = performance.now();
    verdict(prompt, prompt);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});
