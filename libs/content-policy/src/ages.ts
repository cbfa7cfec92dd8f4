/**
 * Finds ages under 18 and school grades in a text in its plain form (see `plainForm`, punctuation as spaces). A number of
 * years alone is no age: some sign of a person or of growing up must be beside it.
 */

/** Numbers below 18 of one language as a pattern that does not begin inside a larger number. */
interface NumberWords {
  /** Without accents, longest first where one begins another. */
  readonly words: string;
  /** What may not stand before: tens of a larger number, words that make a span of time of it. */
  readonly notBehind: string;
  /** What follows when it is an age. */
  readonly years: string;
}

const NUMBER_WORDS: readonly NumberWords[] = [
  {
    words:
      'un|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieciseis|diecisiete',
    notBehind: 'y|hace|desde|durante|cada',
    years: 'anos?(?! de(?!\\p{L})(?! edad))',
  },
  {
    words:
      'um|dois|tres|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|treze|catorze|quatorze|quinze|dezesseis|dezasseis|dezessete|dezassete',
    notBehind: 'e|ha|faz|hace|desde|durante|cada',
    years: 'anos?(?! de(?!\\p{L})(?! idade))',
  },
  {
    words: 'un|deux|trois|quatre|cinq|six|sept|huit|neuf|dix sept|dix|onze|douze|treize|quatorze|quinze|seize',
    notBehind: 'vingts?|trente|quarante|cinquante|soixante|cent|et|a|depuis|pendant|tous les|dans',
    years: 'ans',
  },
  {
    words:
      'un|due|tre|quattro|cinque|sei|sette|otto|nove|dieci|undici|dodici|tredici|quattordici|quindici|sedici|diciassette',
    notBehind: 'per|da|tra|fra',
    years: 'anni(?! fa)',
  },
  {
    words: 'ein|zwei|drei|vier|funf|sechs|sieben|acht|neun|zehn|elf|zwolf|dreizehn|vierzehn|funfzehn|sechzehn|siebzehn',
    notBehind: 'seit|fur|alle',
    years: 'jahre? alt|jahrige?[rsnm]?',
  },
  {
    words:
      'один|два|три|четыре|пять|шесть|семь|восемь|девять|десять|одиннадцать|двенадцать|тринадцать|четырнадцать|' +
      'пятнадцать|шестнадцать|семнадцать|двух|трех|четырех|пяти|шести|семи|восьми|девяти|десяти|одиннадцати|' +
      'двенадцати|тринадцати|четырнадцати|пятнадцати|шестнадцати|семнадцати',
    notBehind: '\\p{L}+(?:дцать|дцати|сорок|сорока|десят|десяти|девяносто|сто|ста)|сорок|сорока|девяносто|сто|через|за',
    years: 'лет(?! назад)|летн\\p{L}*',
  },
];

const UNITS = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const TEENS = ['ten', 'eleven', 'twelve', 'thirteen', 'fourteen', 'fifteen', 'sixteen', 'seventeen'];
const TENS = '(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)';
const YOUNG_WORD = `(?<!${TENS} )(?<!\\p{L})(?:${[...UNITS, ...TEENS].join('|')})`;
const YOUNG_NUMBER = '(?<![\\p{N}\\p{L}])0?(?:[0-9]|1[0-7])';
/** Up to XVII; a single letter is too often something else. */
const YOUNG_ROMAN = '(?<!\\p{L})(?:x(?:vi{0,2}|iv|i{1,3})|ix|iv|vi{1,3}|i{2,3})';
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
const ROMAN_FIRST = new RegExp(`${YOUNG_ROMAN} (?:${YEARS} ?olds?|${YEARS} of age|y o|anos|ans|anni)(?!\\p{L})`, 'u');
const BEFORE =
  'aged?(?: of)?|edad(?: de)?|age de|idade(?: de)?|im alter von|eta(?: di)?|возраст\\p{L}*|looks?(?: like)?';
const NUMBER_LAST = new RegExp(
  `(?<!\\p{L})(?:${BEFORE}) (?:${YOUNG_NUMBER}(?! ?\\p{N})|${YOUNG_WORD}|${YOUNG_ROMAN})(?! ?(?:inch|cm|mm|minutes?|hours?|people|centur))(?![\\p{L}\\p{N}])`,
  'u',
);
const UNDER_AGE =
  /(?<!\p{L})(?:under|below|younger than|not yet|unter|menos de|moins de|menor de) (?:18|eighteen)(?![\p{N}])/u;
const IN_WORDS = NUMBER_WORDS.map(
  ({ words, notBehind, years }) =>
    // The cheap half first: what stands before is only looked at where there is an age.
    new RegExp(`(?<!\\p{L})(?=(?:${words}) ?(?:${years})(?!\\p{L}))(?<!(?<!\\p{L})(?:${notBehind}) )`, 'u'),
);

const HAN_DIGITS = '一二三四五六七八九';
const EAST_ASIAN = new RegExp(
  `(?<![${HAN_DIGITS}十百两\\p{N}])(?:[${HAN_DIGITS}两]|十[一二三四五六七]?|0?[0-9]|1[0-7]) ?(?:岁|歳|才|세|살)`,
  'u',
);
const KOREAN = /(?<!\p{L})(?:열(?: ?(?:한|두|세|네|다섯|여섯|일곱))?|한|두|세|네|다섯|여섯|일곱|여덟|아홉) ?살/u;

const ORDINAL =
  '(?:[1-9]|1[01])(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh';
const GERMAN_ORDINAL = 'erste|zweite|dritte|vierte|funfte|sechste|siebte|siebente|achte|neunte|zehnte';
const RUSSIAN_ORDINAL = 'перв|втор|трет|четверт|пят|шест|седьм|восьм|девят|десят';
const YEAR_AT_SCHOOL = '(?:[1-9]|1[01])';
/** Years at school, up to the eleventh: who is in one is a minor. */
const GRADES = [
  `(?:${ORDINAL}) ?(?:grade(?:rs?)?|form(?:er)?s?|year (?:pupil|student|girl|boy)s?(?: at school)?)`,
  `grade ${YEAR_AT_SCHOOL} (?:girl|boy|student|pupil|class|kid)\\p{L}*`,
  `year ${YEAR_AT_SCHOOL} (?:girl|boy|pupil|class|kid)\\p{L}*`,
  `(?:school ?girl|girl|boy|student|pupil)s? (?:in|from|of) (?:the )?(?:grade|year) ${YEAR_AT_SCHOOL}`,
  `klasse ${YEAR_AT_SCHOOL}[abcd]?|${YEAR_AT_SCHOOL} klasse|(?:${GERMAN_ORDINAL})[rnsm]? klasse|\\p{L}*klassler(?:in(?:nen)?)?`,
  `${YEAR_AT_SCHOOL} ?(?:[ыои]?[йяе] )?класс(?:а|е|у|ник\\p{L}*|ниц\\p{L}*)?|(?:${RUSSIAN_ORDINAL})\\p{L}{1,4} класс\\p{L}*|\\p{L}{4,}классни[кц]\\p{L}*`,
  '(?:alumn[oa]s?|estudiantes?|chic[oa]s?|alun[oa]s?) d[eoa] (?:\\p{L}+ )?(?:primaria|secundaria|fundamental|eso)',
  `eleves? d(?:e|u) (?:sixieme|cinquieme|quatrieme|troisieme|seconde|primaire|college|[3-6] ?e(?:me)?|c[pem][12]?)`,
  `(?:[1-9一二三四五六])(?:年级|年級|年生|학년)|(?:中|高|小)(?:学|學)?[一二三123](?:年)?(?:生|女)`,
];
const GRADE = new RegExp(`(?<![\\p{L}\\p{N}])(?:${GRADES.join('|')})(?![\\p{L}\\p{N}])|(?:${GRADES.at(-1)})`, 'u');

const PATTERNS = [NUMBER_FIRST, NUMBER_LAST, ROMAN_FIRST, UNDER_AGE, EAST_ASIAN, KOREAN, GRADE, ...IN_WORDS];

export function namesAgeUnder18(plain: string): boolean {
  return PATTERNS.some((pattern) => pattern.test(plain));
}
