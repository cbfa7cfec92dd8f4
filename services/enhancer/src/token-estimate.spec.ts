import { describe, expect, test } from 'vitest';
import { cutToTokens } from './cut.js';
import { estimateTokens } from './token-estimate.js';

describe('the estimate of umT5 tokens', () => {
  test.each([
    ['nothing', '', 2],
    ['frequent Han characters count one each', '一座灯塔', 6],
    ['traditional ones too', '龍與燈塔', 6],
    ['rare ones count their bytes', '㐀𠀀', 2 + 3 + 4],
    ['common words count one for three letters', 'a lighthouse at dawn', 2 + 1 + 4 + 1 + 2],
    ['what is no word counts its letters', 'xkcdqwrtz', 2 + 9],
    ['so does what is far too long for one', 'a'.repeat(40), 42],
    ['digits count one each', '2077', 6],
    ['punctuation counts one each', '，。!?', 6],
    ['emoji count their bytes', '🌊', 6],
    ['Cyrillic words count one for two letters', 'маяк', 4],
    ['kana count one each', 'とうだい', 6],
  ])('%s', (_, text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens);
  });

  test('of running English is above what such vocabularies need, and below twice that', () => {
    const words = 'the old keeper walks slowly along the shore while the sea is still grey and the lamp goes out'.split(
      ' ',
    );
    expect(estimateTokens(words.join(' '))).toBeGreaterThan(words.length * 1.2);
    expect(estimateTokens(words.join(' '))).toBeLessThan(words.length * 3);
  });

  test('grows with the text', () => {
    const text = '灯塔 lighthouse 2077, маяк — 🌊 とう';
    const lengths = Array.from(text).map((_, at, all) => estimateTokens(all.slice(0, at + 1).join('')));
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
  });

  test('of a very long text is quick', () => {
    const startedAt = performance.now();
    estimateTokens('灯塔 and the sea '.repeat(600));
    estimateTokens('x'.repeat(10_000));
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

describe('a text that is too long', () => {
  test.each([
    ['ends behind a sentence', '灯塔在海边。海面很平静。远处有船。', 16, '灯塔在海边。海面很平静。'],
    ['keeps the quotation mark of a sentence', 'He says "go." Then he goes away.', 10, 'He says "go."'],
    ['does not end within a number', 'It is 3.5 metres tall, and grey', 12, 'It is 3.5 metres tall'],
    [
      'ends behind a part of a sentence when the first is too long',
      '灯塔在海边，海面很平静，远处有船',
      10,
      '灯塔在海边',
    ],
    ['ends anywhere when it has no parts', '灯塔在海边海面很平静', 9, '灯'],
  ])('%s', (_, text, limit, expected) => {
    const cut = cutToTokens(text, limit);
    expect(estimateTokens(cut)).toBeLessThanOrEqual(limit);
    expect(cut).toBe(expected);
  });

  test('and one that fits stays as it is', () => {
    expect(cutToTokens('灯塔', 4)).toBe('灯塔');
  });
});
