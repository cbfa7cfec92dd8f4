import { describe, expect, test } from 'vitest';
import { refusalForRewrite } from '#content-policy/content-policy.js';
import { WAN_PROMPT_MAX_TOKENS } from '#contracts/limits.js';
import { faultOf } from './answer.js';
import { LANGUAGES } from './language.js';
import { expand, TemplateWriter } from './template-writer.js';
import { estimateTokens } from './token-estimate.js';

const PROMPTS = ['a lighthouse at dawn', '黎明的灯塔。', 'Two cats, one red ball!', 'x', 'a '.repeat(250).trim()];

describe.each(LANGUAGES)('a template in %s', (language) => {
  test.each(PROMPTS)('› holds "%s" word for word, and is an answer that would be taken', (original) => {
    const text = expand(original, 7, language);
    expect(text).toContain(original);
    expect(estimateTokens(text)).toBeLessThanOrEqual(WAN_PROMPT_MAX_TOKENS);
    expect(faultOf({ text, cutOff: false }, { original, language, instructions: '' })).toBeUndefined();
    expect(refusalForRewrite(original, text)).toBeUndefined();
  });

  test('› is the same for the same seed, and another for others', () => {
    const texts = Array.from({ length: 20 }, (_, seed) => expand('a lighthouse', seed, language));
    expect(expand('a lighthouse', 3, language)).toBe(texts[3]);
    expect(new Set(texts).size).toBeGreaterThan(10);
  });

  test('› frames different prompts differently', () => {
    const frames = Array.from(
      { length: 20 },
      (_, at) => expand(`lighthouse ${at}`, 7, language).split(`lighthouse ${at}`)[1],
    );
    expect(new Set(frames).size).toBeGreaterThan(10);
  });

  test('› comes bit by bit', async () => {
    const seen: string[] = [];
    const writer = new TemplateWriter({ language, durationMs: 0 });
    const task = { original: 'a lighthouse', seed: 7 };
    const { text } = await writer.write(task, (soFar) => void seen.push(soFar), new AbortController().signal);
    expect(seen.at(-1)).toBe(text);
    expect(seen.length).toBeGreaterThan(3);
  });
});
