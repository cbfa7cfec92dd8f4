import type { SeededRandom } from './seeded-random.js';

/** Gradients of the eight directions. */
const DIRECTIONS: readonly (readonly [number, number])[] = Array.from({ length: 8 }, (_, index) => [
  Math.cos((index * Math.PI) / 4 + 0.2),
  Math.sin((index * Math.PI) / 4 + 0.2),
]);

/** Smooth two-dimensional noise (Ken Perlin, "Improving Noise", 2002), about -0.7 to 0.7, one feature per unit. */
export class Noise {
  private readonly gx = new Float32Array(512);
  private readonly gy = new Float32Array(512);
  private readonly permutation = new Uint8Array(512);

  constructor(random: SeededRandom) {
    const order = shuffled(random);
    for (let at = 0; at < 512; at++) {
      const value = order[at & 255] ?? 0;
      const [x, y] = DIRECTIONS[value & 7] ?? [1, 0];
      this.permutation[at] = value;
      this.gx[at] = x;
      this.gy[at] = y;
    }
  }

  at(x: number, y: number): number {
    const x0 = Math.floor(x);
    const y0 = Math.floor(y);
    const fx = x - x0;
    const fy = y - y0;
    const left = this.permutation[x0 & 255] ?? 0;
    const right = this.permutation[(x0 + 1) & 255] ?? 0;
    const row = y0 & 255;
    const u = fade(fx);
    const top = mix(this.corner(left + row, fx, fy), this.corner(right + row, fx - 1, fy), u);
    const bottom = mix(this.corner(left + row + 1, fx, fy - 1), this.corner(right + row + 1, fx - 1, fy - 1), u);
    return mix(top, bottom, fade(fy));
  }

  /** Several octaves, each at twice the frequency and half the weight; about -1 to 1. */
  layered(x: number, y: number, octaves: number): number {
    let sum = 0;
    let weight = 1;
    let scale = 1;
    for (let octave = 0; octave < octaves; octave++) {
      // The offset keeps the octaves' lattices, where the noise is always zero, from falling on one another.
      sum += weight * this.at(x * scale + octave * 17.3, y * scale - octave * 9.7);
      weight *= 0.5;
      scale *= 2;
    }
    return sum;
  }

  private corner(index: number, dx: number, dy: number): number {
    return (this.gx[index & 511] ?? 0) * dx + (this.gy[index & 511] ?? 0) * dy;
  }
}

function shuffled(random: SeededRandom): number[] {
  return Array.from({ length: 256 }, (_, value) => ({ value, rank: random.between(0, 1) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}

function fade(t: number): number {
  return t * t * t * (t * (t * 6 - 15) + 10);
}

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
