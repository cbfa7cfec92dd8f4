/** The preview's stand-in for a language model: puts the prompt into a frame of set phrases. Needs no GPU. */
import { setTimeout as delay } from 'node:timers/promises';
import { WAN_PROMPT_MAX_TOKENS } from '#contracts/limits.js';
import { hashPair, hashText } from '#worker/preview/seeded-random.js';
import type { Answer } from './answer.js';
import type { Language } from './language.js';
import type { PromptWriter, WritingTask } from './prompt-writer.js';
import { estimateTokens } from './token-estimate.js';

interface Frame {
  readonly join: string;
  /** What is said of light, camera, mood and style: one phrase of each. None tells anything of who is there. */
  readonly aspects: readonly (readonly string[])[];
}

const FRAMES: Readonly<Record<Language, Frame>> = {
  zh: {
    join: '。',
    aspects: [
      [
        '柔和的晨光从侧面照入，明暗过渡自然',
        '黄昏的暖光勾勒出轮廓',
        '阴天的漫射光让色彩沉静',
        '逆光下边缘泛起细微光晕',
      ],
      ['镜头以平视中景缓慢推近', '低角度广角镜头稳定地横移', '固定机位的远景，构图均衡', '浅景深的近景，背景轻微虚化'],
      ['色调温暖而克制', '冷暖对比清晰', '低饱和的自然色彩', '色彩浓郁，层次分明'],
      ['写实的电影质感，画面细腻', '带有胶片颗粒的电影风格', '纪录片式的真实质感', '构图简洁的电影画面'],
    ],
  },
  en: {
    join: '. ',
    aspects: [
      [
        'Soft morning light falls in from the side, with gentle shadows',
        'Warm evening light draws the outlines',
        'Diffuse light of an overcast sky keeps the colours calm',
        'Backlight leaves a faint rim along the edges',
      ],
      [
        'The camera moves in slowly at eye level, a medium shot',
        'A steady low wide-angle shot glides sideways',
        'A long shot from a fixed camera, evenly composed',
        'A close shot with shallow depth of field and a softly blurred background',
      ],
      [
        'Warm, restrained colours',
        'A clear contrast of warm and cool tones',
        'Natural colours of low saturation',
        'Rich colours in distinct layers',
      ],
      [
        'Realistic cinematic look with fine texture',
        'Cinematic style with a touch of film grain',
        'The plain look of a documentary',
        'A cinematic frame of simple composition',
      ],
    ],
  },
};

/** Parts in which the text comes, as tokens come from a model. */
const STEPS = 12;

export class TemplateWriter implements PromptWriter {
  readonly model = 'preview-template';

  constructor(private readonly settings: { readonly language: Language; readonly durationMs: number }) {}

  async setup(): Promise<void> {}

  async write(task: WritingTask, onText: (soFar: string) => void, signal: AbortSignal): Promise<Answer> {
    const text = expand(task.original, task.seed, this.settings.language);
    for (let step = 1; step <= STEPS; step++) {
      await delay(this.settings.durationMs / STEPS, undefined, { signal });
      onText(text.slice(0, Math.ceil((text.length * step) / STEPS)));
    }
    return { text, cutOff: false };
  }
}

/** The prompt, word for word, and as many phrases behind it as the model can read. Depends on prompt and seed alone. */
export function expand(original: string, seed: number, language: Language): string {
  const { join, aspects } = FRAMES[language];
  const opening = /\p{P}$/u.test(original) ? `${original}${join.slice(1)}` : `${original}${join}`;
  const start = hashPair(hashText(original), seed);
  const phrases = aspects.map((choices, aspect) => choices[hashPair(start, aspect) % choices.length] ?? '');
  const adding = (text: string, phrase: string) => {
    const longer = `${text}${phrase}${join}`;
    return estimateTokens(longer) <= WAN_PROMPT_MAX_TOKENS ? longer : text;
  };
  return phrases.reduce(adding, opening).trim();
}
