import { hashText, SeededRandom } from './seeded-random.js';

/** Steps of a colour ramp. */
export const RAMP_STEPS = 1024;

/** The colours of all pictures of one prompt. */
export interface Palette {
  /** Dark to light, `RAMP_STEPS` entries of red, green, blue (0 to 255, not rounded). */
  readonly ramp: Float32Array;
  /** Whether scenes are to be bright, as by day, rather than dark. */
  readonly light: boolean;
}

/** Moods, each from its darkest to its lightest colour. */
const MOODS: readonly (readonly string[])[] = [
  ['0b1026', '2b1b52', '7a2f6f', 'd9576a', 'f7a072', 'fde2b3'],
  ['04161f', '0b3a4a', '12706f', '3fb28f', 'a8dfb0', 'f4f6d2'],
  ['160b10', '45101f', '94242b', 'dc4e30', 'f5a443', 'fce7ab'],
  ['0e1512', '22382a', '4c6b3c', '93a556', 'd9cf8a', 'f8f2d6'],
  ['0a1128', '1b3466', '3569a8', '76a9d8', 'bfdcec', 'f7fafb'],
  ['26132a', '5c2a4f', 'a64a72', 'e48a94', 'f6c3b5', 'fdf0e2'],
  ['0d0829', '2a1266', '5b2bb5', '9a5ce8', 'd9a0f2', 'fbe6f7'],
  ['1d1412', '4f2b22', '985130', 'd18a4f', 'ecc38b', 'f9ecd3'],
  ['06202a', '0f4c5c', '3a8a8c', 'dba899', 'f08a6b', 'fde8d0'],
  ['0b1f22', '1c5550', '63a05a', 'd9c04d', 'f3a53a', 'fff1c9'],
  ['0a0c1f', '1c2250', '414a96', 'a08bb0', 'e8b483', 'fbe9c3'],
  ['11151c', '2a3a47', '54687a', '8fa3ad', 'cbd4d2', 'f5f1ea'],
];

/** Half the range by which a prompt turns its mood's hues, in radians: enough to tell siblings' families apart. */
const HUE_TURN = 0.3;

/** The palette follows from the prompt alone, so that the pictures of one job look related. */
export function paletteOf(prompt: string): Palette {
  const random = new SeededRandom(hashText(prompt));
  const mood = MOODS[random.integer(0, MOODS.length - 1)] ?? [];
  const turn = random.between(-HUE_TURN, HUE_TURN);
  const stops = mood.map((hex) => turned(oklabOf(hex), turn));
  return { ramp: rampThrough(stops), light: random.between(0, 1) < 0.5 };
}

type Triple = readonly [number, number, number];

/** Between the stops in OKLab, where equal steps look equal; a mix in sRGB would pass through grey. */
function rampThrough(stops: readonly Triple[]): Float32Array {
  const ramp = new Float32Array(RAMP_STEPS * 3);
  for (let step = 0; step < RAMP_STEPS; step++) {
    const position = (step / (RAMP_STEPS - 1)) * (stops.length - 1);
    ramp.set(srgbOf(between(stops, position)), step * 3);
  }
  return ramp;
}

function between(stops: readonly Triple[], position: number): Triple {
  const index = Math.min(Math.floor(position), stops.length - 2);
  const [from = BLACK, to = BLACK] = stops.slice(index, index + 2);
  const share = position - index;
  return [mix(from[0], to[0], share), mix(from[1], to[1], share), mix(from[2], to[2], share)];
}

const BLACK: Triple = [0, 0, 0];

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

/** Turns the hue and keeps lightness and chroma. */
function turned([lightness, a, b]: Triple, angle: number): Triple {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return [lightness, a * cos - b * sin, a * sin + b * cos];
}

/** OKLab: Björn Ottosson, "A perceptual color space for image processing" (2020), the matrices for linear sRGB. */
function oklabOf(hex: string): Triple {
  const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => linear(Number.parseInt(hex.slice(at, at + 2), 16) / 255));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function srgbOf([lightness, a, b]: Triple): Triple {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    255 * gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    255 * gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    255 * gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function linear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function gamma(value: number): number {
  const inGamut = Math.min(1, Math.max(0, value));
  return inGamut <= 0.0031308 ? inGamut * 12.92 : 1.055 * inGamut ** (1 / 2.4) - 0.055;
}
