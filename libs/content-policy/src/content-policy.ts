/**
 * What may not be asked for. Sexual content involving minors is refused whatever the settings; other adult content unless
 * the operator has enabled it. Plain rules over word lists: fast, explainable, the same on every machine. They err on the
 * side of refusing where a minor and anything sexual come together in one prompt.
 */
import { namesAgeUnder18 } from './ages.js';
import { plainForm, type Readings, readingsOf } from './readings.js';
import { TermFinder } from './term-finder.js';
import {
  ADULTHOOD,
  ALWAYS_REFUSED,
  ART,
  CLOTHES,
  EXPLICIT,
  HARMLESS,
  HARMLESS_ANYWHERE,
  MINORS,
  NUDITY,
  SUGGESTIVE,
} from './terms.js';

/** `minors` is refused whatever the settings; `adult` where adult content is not allowed. */
export type PolicyCategory = 'minors' | 'adult';

/** Which rule refuses. It is told to the operator (audit), so it names the rule and nothing of the text. */
export type PolicyRule =
  | 'minors-phrase'
  | 'minors-and-sexual'
  | 'minors-by-negative-prompt'
  | 'adult-explicit'
  | 'adult-nudity';

export interface PolicyRefusal {
  readonly category: PolicyCategory;
  readonly rule: PolicyRule;
}

export interface PolicyInput {
  readonly prompt: string;
  /** What the client wants to avoid. */
  readonly negativePrompt?: string;
}

const finders = {
  always: new TermFinder(ALWAYS_REFUSED),
  minors: new TermFinder(MINORS),
  explicit: new TermFinder(EXPLICIT),
  nudity: new TermFinder(NUDITY),
  suggestive: new TermFinder(SUGGESTIVE),
  art: new TermFinder(ART),
  clothes: new TermFinder(CLOTHES),
  adulthood: new TermFinder(ADULTHOOD),
} as const;

/** What may stand between the words of a phrase: marks, spelled out, as `\p{L}` 200 times takes 0.1 s to compile. */
const GAP = '[\\x00-/:-`{-\\xbf\\u2000-\\u206f\\u3000-\\u3004\\u3008-\\u3020]{1,3}';
/** Each harmless phrase as a pattern over the folded text, whatever marks stand between its words. */
const HARMLESS_PATTERN = new RegExp(
  `(?<![\\p{L}\\p{N}])(?:${HARMLESS.map((phrase) => plainForm(phrase).replaceAll(' ', GAP)).join('|')})(?![\\p{L}\\p{N}])`,
  'gu',
);
const HARMLESS_ANYWHERE_PATTERN = new RegExp(HARMLESS_ANYWHERE.map(plainForm).join('|'), 'gu');

/** The reason to refuse what a client asks for, or undefined when it may go on. */
export function refusalFor(input: PolicyInput, { adultAllowed }: { adultAllowed: boolean }): PolicyRefusal | undefined {
  const prompt = factsOf(input.prompt);
  if (prompt.always) return { category: 'minors', rule: 'minors-phrase' };
  if (prompt.minor && prompt.sexual) return { category: 'minors', rule: 'minors-and-sexual' };
  if (input.negativePrompt && asksForMinors(prompt, input.negativePrompt)) {
    return { category: 'minors', rule: 'minors-by-negative-prompt' };
  }
  return adultAllowed ? undefined : adultRefusal(prompt);
}

/**
 * The reason not to use what a language model made of an accepted prompt, or undefined. It may be adult content only if
 * the original was, which somebody was allowed to ask for.
 */
export function refusalForRewrite(original: string, rewritten: string): PolicyRefusal | undefined {
  return refusalFor({ prompt: rewritten }, { adultAllowed: adultRefusal(factsOf(original)) !== undefined });
}

function adultRefusal({ explicit, nudity, art }: PromptFacts): PolicyRefusal | undefined {
  if (explicit) return { category: 'adult', rule: 'adult-explicit' };
  return nudity && !art ? { category: 'adult', rule: 'adult-nudity' } : undefined;
}

interface PromptFacts {
  readonly always: boolean;
  readonly minor: boolean;
  readonly sexual: boolean;
  readonly explicit: boolean;
  readonly nudity: boolean;
  readonly art: boolean;
}

function factsOf(text: string): PromptFacts {
  const readings = readingsOf(withoutHarmless(text));
  const explicit = finders.explicit.isIn(readings);
  const nudity = finders.nudity.isIn(readings);
  return {
    always: finders.always.isIn(readings),
    minor: namesMinor(readings),
    sexual: explicit || nudity || finders.suggestive.isIn(readings),
    explicit,
    nudity,
    art: nudity && finders.art.isIn(readings),
  };
}

function namesMinor(readings: Readings): boolean {
  return finders.minors.isIn(readings) || namesAgeUnder18(readings.plain);
}

/**
 * A negative prompt names what to avoid: "child, nude" in it is a precaution. It is an evasion when it takes the clothes
 * off a minor or the adulthood from something sexual, and one term that joins a minor with sex is refused anywhere.
 */
function asksForMinors(prompt: PromptFacts, negativePrompt: string): boolean {
  const negative = readingsOf(withoutHarmless(negativePrompt));
  if (prompt.minor && finders.clothes.isIn(negative)) return true;
  if (prompt.sexual && finders.adulthood.isIn(negative)) return true;
  return negativePrompt.split(/[,;\n，、]/).some((term) => {
    const facts = factsOf(term);
    return facts.always || (facts.minor && facts.sexual);
  });
}

function withoutHarmless(text: string): string {
  return plainForm(text).replace(HARMLESS_PATTERN, ' ').replace(HARMLESS_ANYWHERE_PATTERN, ' ');
}
