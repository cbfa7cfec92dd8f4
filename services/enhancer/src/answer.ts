/** What is wrong with what a language model answers instead of a prompt. Pure. */
import { isWrittenIn, type Language } from './language.js';

export interface Answer {
  readonly text: string;
  /** It was still writing when it had used up its tokens. */
  readonly cutOff: boolean;
}

/** What the answer is an answer to. */
export interface Asked {
  readonly original: string;
  readonly instructions: string;
  readonly language: Language;
}

export type AnswerFault = 'empty' | 'runaway' | 'refusal' | 'echo' | 'unchanged' | 'wrong_language';

const THOUGHTS = /<think>[\s\S]*?<\/think>/g;
const FENCE = /^```\w*\n([\s\S]*?)\n?```$/;
const LEAD_IN =
  /^(?:here(?: is|'s|’s)[^:\n]{0,80}:|(?:\*\*)?(?:enhanced|expanded|rewritten)[^:\n]{0,30}:(?:\*\*)?|(?:以下是|这是)?[^：:\n。]{0,20}(?:扩写|描述|提示词)[^：:\n。]{0,10}[：:])\s*/i;
const QUOTED = /^["“「『']([\s\S]*)["”」』']$/;
const MARKS = /<\/?prompt[^>]*>/gi;

/** The prompt itself, without what models like to put around it. */
export function tidy(text: string): string {
  const bare = text.replace(THOUGHTS, '').replace(MARKS, '').trim().replace(FENCE, '$1').trim();
  const [, inner] = QUOTED.exec(bare.replace(LEAD_IN, '').trim()) ?? [];
  return (inner ?? bare.replace(LEAD_IN, '')).replace(/\s+/g, ' ').trim();
}

const REFUSALS = [
  /^(?:i(?:'|’)m (?:very |so |really )?sorry|sorry|i apologi[sz]e|my apologies|unfortunately,? i)\b/i,
  /^(?:i|we) (?:can(?:not|'t|’t)|am (?:not able|unable)|will not|won(?:'|’)t)\b/i,
  /^as an? (?:ai|artificial|language model|assistant)\b/i,
  /^(?:非常|很|十分)?(?:抱歉|对不起|遗憾)/,
  /^我(?:不能|无法|不会|没有办法)/,
  /^作为(?:一个|一名)?(?:人工智能|AI|语言模型|助手)/i,
];

/** The first thing that makes a tidied answer useless, or undefined. */
export function faultOf(
  { text, cutOff }: Answer,
  { original, instructions, language }: Asked,
): AnswerFault | undefined {
  if (!/\p{L}/u.test(text)) return 'empty';
  // The original may be quoted, in any language and with all its repetitions.
  const own = text.replaceAll(original, ' ');
  if (cutOff || goesRound(own)) return 'runaway';
  if (REFUSALS.some((pattern) => pattern.test(text))) return 'refusal';
  if (repeats(text, instructions, original)) return 'echo';
  if (bareForm(text) === bareForm(original)) return 'unchanged';
  return isWrittenIn(own, language) ? undefined : 'wrong_language';
}

/** The same words four times running, or the same few characters a dozen times. */
const LOOP = /(\S[\s\S]{3,79}?)\1{3}|(\S{1,3}?)\2{11}/u;
/** Sentences of which so many are copies of others. */
const COPIED_SHARE = 0.5;
const FEWEST_SENTENCES = 6;

function goesRound(text: string): boolean {
  if (LOOP.test(text)) return true;
  const sentences = text.split(/[.!?。！？;；\n]+/u).flatMap((sentence) => bareForm(sentence) || []);
  if (sentences.length < FEWEST_SENTENCES) return false;
  return new Set(sentences).size <= sentences.length * COPIED_SHARE;
}

/** Short phrases of the instructions may well stand in a prompt. */
const TELLING_LETTERS = 16;

/** Whether a whole phrase of the instructions stands in the text that the original does not have. */
function repeats(text: string, instructions: string, original: string): boolean {
  const phrases = instructions.split(/[.:!?。：！？\n]+/u).map(bareForm);
  const [answered, asked] = [bareForm(text), bareForm(original)];
  return phrases.some(
    (phrase) => phrase.length >= TELLING_LETTERS && answered.includes(phrase) && !asked.includes(phrase),
  );
}

/** Letters and digits alone, in one case. */
function bareForm(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
}
