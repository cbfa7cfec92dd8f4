/** Finds ages under 18 in a text in its plain form (see `plainForm`, punctuation as spaces). */

const UNITS = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const TEENS = ['ten', 'eleven', 'twelve', 'thirteen', 'fourteen', 'fifteen', 'sixteen', 'seventeen'];
const TENS = '(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)';
const YOUNG_WORD = `(?<!${TENS} )(?<!\\p{L})(?:${[...UNITS, ...TEENS].join('|')})`;
const YOUNG_NUMBER = '(?<![\\p{N}\\p{L}])0?(?:[0-9]|1[0-7])';
const YEARS = '(?:y(?:ea)?rs?|y)';

/** What follows the number, in the languages that put the number first. */
const AFTER = [
  `${YEARS} ?olds?`,
  `${YEARS} of age`,
  'y ?o',
  `${YEARS} (?:girls?|boys?|females?|males?)`,
  'm(?:on)?ths? old|weeks? old|days? old',
  'anos|ans|anni|jahre?|jahrige[rsnm]?|jaar|jarige?|let|lat|letni[aey]?|yasinda|ar gammal|ar gamla',
  'лет|года?|летн\\p{L}*|סנה|सल|साल|वर्ष\\p{L}*|سن\\p{L}*|عام\\p{L}*',
].join('|');

const NUMBER_FIRST = new RegExp(`(?:${YOUNG_NUMBER} ?|${YOUNG_WORD} )(?:${AFTER})(?![\\p{L}\\p{N}])`, 'u');
const BEFORE =
  'aged?(?: of)?|edad(?: de)?|age de|idade(?: de)?|im alter von|eta(?: di)?|возраст\\p{L}*|looks?(?: like)?';
const NUMBER_LAST = new RegExp(
  `(?<!\\p{L})(?:${BEFORE}) (?:${YOUNG_NUMBER}(?! ?\\p{N})|${YOUNG_WORD})(?! ?(?:inch|cm|mm|minutes?|hours?|people|centur))(?![\\p{L}\\p{N}])`,
  'u',
);
const UNDER_AGE =
  /(?<!\p{L})(?:under|below|younger than|not yet|unter|menos de|moins de|menor de) (?:18|eighteen)(?![\p{N}])/u;

const HAN_DIGITS = '一二三四五六七八九';
const EAST_ASIAN = new RegExp(
  `(?<![${HAN_DIGITS}十百两\\p{N}])(?:[${HAN_DIGITS}两]|十[一二三四五六七]?|0?[0-9]|1[0-7]) ?(?:岁|歳|才|세|살)`,
  'u',
);

export function namesAgeUnder18(plain: string): boolean {
  return [NUMBER_FIRST, NUMBER_LAST, UNDER_AGE, EAST_ASIAN].some((pattern) => pattern.test(plain));
}
