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

/** Why a request is refused. */
export type PolicyRefusal = 'minors' | 'adult';

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

/** Each harmless phrase as a pattern over the folded text, whatever marks stand between its words. */
const HARMLESS_PATTERN = new RegExp(
  `(?<![\\p{L}\\p{N}])(?:${HARMLESS.map((phrase) => plainForm(phrase).replaceAll(' ', '[^\\p{L}\\p{N}]{1,3}')).join('|')})(?![\\p{L}\\p{N}])`,
  'gu',
);
const HARMLESS_ANYWHERE_PATTERN = new RegExp(HARMLESS_ANYWHERE.map(plainForm).join('|'), 'gu');

/** The reason to refuse, or undefined when the request may go on. */
export function refusalFor(input: PolicyInput, settings: { allowAdult: boolean }): PolicyRefusal | undefined {
  const prompt = factsOf(input.prompt);
  if (prompt.always || (prompt.minor && prompt.sexual)) return 'minors';
  if (input.negativePrompt && asksForMinors(prompt, input.negativePrompt)) return 'minors';
  return prompt.adult && !settings.allowAdult ? 'adult' : undefined;
}

interface PromptFacts {
  readonly always: boolean;
  readonly minor: boolean;
  readonly sexual: boolean;
  readonly adult: boolean;
}

function factsOf(text: string): PromptFacts {
  const readings = readingsOf(withoutHarmless(text));
  const explicit = finders.explicit.isIn(readings);
  const nudity = finders.nudity.isIn(readings);
  return {
    always: finders.always.isIn(readings),
    minor: namesMinor(readings),
    sexual: explicit || nudity || finders.suggestive.isIn(readings),
    adult: explicit || (nudity && !finders.art.isIn(readings)),
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
