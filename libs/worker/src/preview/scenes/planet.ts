import { Noise } from '../noise.js';
import type { Paced } from '../paced.js';
import { SmoothField } from '../smooth-field.js';
import {
  blendTone,
  type Canvas,
  clamp01,
  lighten,
  putTone,
  type RowPainter,
  type Scene,
  shade,
  smoothstep,
} from './scene.js';

/** Where the planet is and how it is lit. Lengths in pixels, `tilt` in radians, the light as a unit vector. */
interface Planet {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly tilt: number;
  readonly light: { readonly x: number; readonly y: number; readonly z: number };
}

/** How far the planet turns and the nebula drifts in a second, in radii and in features of the noise. */
const TURN = 0.16;
const NEBULA_DRIFT = 0.035;
/** Radians a second by which stars twinkle. */
const TWINKLE = 2.2;

/** A banded planet that turns in soft side light before a nebula, every other one with rings. */
export function* planetScene(canvas: Canvas): Paced<Scene> {
  const planet = planetOf(canvas);
  const noise = new Noise(canvas.random);
  const skyAt = skyPainter(canvas, planet, noise);
  yield;
  const paintRing = canvas.random.between(0, 1) < 0.5 ? ringPainter(canvas, planet) : () => {};
  return {
    *at(seconds) {
      const paintSky = yield* skyAt(seconds);
      const paintDisc = yield* discPainter(canvas, planet, noise, seconds);
      return (y, out) => {
        paintSky(y, out);
        paintDisc(y, out);
        paintRing(y, out);
      };
    },
  };
}

function planetOf({ width, height, random }: Canvas): Planet {
  const sun = random.between(0, Math.PI * 2);
  return {
    x: width * random.between(0.36, 0.64),
    y: height * random.between(0.34, 0.44),
    radius: Math.min(width, height) * random.between(0.26, 0.34),
    tilt: random.between(-0.7, 0.7),
    light: { x: Math.cos(sun) * 0.72, y: Math.sin(sun) * 0.72, z: 0.69 },
  };
}

/** Nebula, stars, and the planet's glow on its lit side. */
function skyPainter({ width, height, palette, random }: Canvas, planet: Planet, noise: Noise) {
  const scale = 1.6 / Math.min(width, height);
  const nebulaAt = (drift: number) =>
    SmoothField.sampled(width, height, (px, py) => {
      const x = px * scale;
      const y = py * scale;
      return noise.layered(x + 0.8 * noise.at(x + 9 + drift, y), y + 0.8 * noise.at(x, y + 5 - drift), 3);
    });
  const stars = random.integer(0, 1 << 30);
  const clouds = new Float32Array(width);
  const painterOf = (nebula: SmoothField, seconds: number) => (y: number, out: Float32Array) => {
    nebula.readRow(y, clouds);
    const ny = (y - planet.y) / planet.radius;
    for (let x = 0; x < width; x++) {
      const nx = (x - planet.x) / planet.radius;
      const distance = Math.sqrt(nx * nx + ny * ny);
      if ((1 - distance) * planet.radius > 1) continue;
      const cloud = clouds[x] ?? 0;
      const facing = Math.max(0, nx * planet.light.x + ny * planet.light.y) / distance;
      const outside = Math.max(0, distance - 1);
      const star = starAt(x, y, stars, seconds) * 190 * clamp01(0.8 - cloud);
      putTone(palette.ramp, 0.1 + 0.26 * clamp01(0.4 + cloud), out, x * 3);
      lighten(out, x * 3, star + (facing * 62 + 6) / (1 + 60 * outside * Math.sqrt(outside)));
    }
  };
  return function* (seconds: number): Paced<RowPainter> {
    return painterOf(yield* nebulaAt(seconds * NEBULA_DRIFT), seconds);
  };
}

function* discPainter(
  { width, height, palette }: Canvas,
  planet: Planet,
  noise: Noise,
  seconds: number,
): Paced<RowPainter> {
  const { radius, light } = planet;
  const cos = Math.cos(planet.tilt);
  const sin = Math.sin(planet.tilt);
  const surface = yield* SmoothField.sampled(width, height, (px, py) => {
    const u = ((px - planet.x) * cos + (py - planet.y) * sin) / radius;
    const v = ((py - planet.y) * cos - (px - planet.x) * sin) / radius;
    if (u * u + v * v > 1.1) return 0;
    const along = u - seconds * TURN;
    const swirl = 0.16 * noise.layered(along * 1.6 + 20, v * 5, 3);
    return noise.layered(2.5 + 0.35 * along, (v + swirl) * 2.8, 3);
  });
  const bands = new Float32Array(width);
  return (y, out) => {
    const ny = (y - planet.y) / radius;
    if (Math.abs(ny) > 1.01) return;
    surface.readRow(y, bands);
    const half = radius * Math.sqrt(Math.max(0, 1.02 - ny * ny));
    const end = Math.min(width, Math.ceil(planet.x + half));
    for (let x = Math.max(0, Math.floor(planet.x - half)); x < end; x++) {
      const nx = (x - planet.x) / radius;
      const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
      const cover = clamp01((1 - Math.sqrt(nx * nx + ny * ny)) * radius + 0.5);
      const lit = smoothstep(-0.12, 1, nx * light.x + ny * light.y + nz * light.z);
      blendTone(palette.ramp, 0.49 + 0.42 * (bands[x] ?? 0) + 0.18 * lit, cover, out, x * 3);
      shade(out, x * 3, 1 - cover * (0.91 - lit));
      lighten(out, x * 3, cover * 26 * (1 - nz) ** 3 * lit);
    }
  };
}

/** Rings around the equator, seen from a little above; the far half goes behind the planet. */
function ringPainter({ width, palette, random }: Canvas, planet: Planet): RowPainter {
  const cos = Math.cos(planet.tilt);
  const sin = Math.sin(planet.tilt);
  const grooves = new Noise(random);
  return (y, out) => {
    const ny = (y - planet.y) / planet.radius;
    if (Math.abs(ny) > RING_END) return;
    for (let x = 0; x < width; x++) {
      const nx = (x - planet.x) / planet.radius;
      const u = nx * cos + ny * sin;
      const v = ny * cos - nx * sin;
      const orbit = Math.sqrt(u * u + (v / RING_TILT) ** 2);
      const hidden = v < 0 && nx * nx + ny * ny < 1;
      if (orbit < RING_START || orbit > RING_END || hidden) continue;
      const edge = smoothstep(RING_START, 1.4, orbit) * (1 - smoothstep(1.92, RING_END, orbit));
      const groove = 0.62 + 0.38 * Math.sin(orbit * 37 + 3 * grooves.at(orbit * 9, 0.5));
      blendTone(palette.ramp, 0.66 + 0.26 * groove, edge * groove * 0.75, out, x * 3);
    }
  };
}

/** The rings' edges in radii of the planet, and how flat they are seen. */
const RING_START = 1.32;
const RING_END = 2.05;
const RING_TILT = 0.26;

/** Brightness of the star on a pixel, 0 for nearly all of them. */
function starAt(x: number, y: number, seed: number, seconds: number): number {
  let hash = Math.imul(x ^ seed, 0x9e3779b1) ^ Math.imul(y, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = (hash ^ (hash >>> 13)) >>> 0;
  if (hash % 1900 !== 0) return 0;
  return (((hash >>> 12) & 255) / 255) * (0.75 + 0.25 * Math.cos(seconds * TWINKLE + x));
}
