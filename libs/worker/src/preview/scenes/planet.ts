import { Noise } from '../noise.js';
import type { Paced } from '../paced.js';
import { SmoothField } from '../smooth-field.js';
import { blendTone, type Canvas, clamp01, lighten, putTone, type Scene, shade, smoothstep } from './scene.js';

/** A banded planet in soft side light before a nebula. */
export function* planetScene({ width, height, palette, random }: Canvas): Paced<Scene> {
  const noise = new Noise(random);
  const span = Math.min(width, height);
  const radius = span * random.between(0.26, 0.34);
  const [cx, cy] = [width * random.between(0.36, 0.64), height * random.between(0.34, 0.44)];
  const tilt = random.between(-0.7, 0.7);
  const [cos, sin] = [Math.cos(tilt), Math.sin(tilt)];
  const sunAngle = random.between(0, Math.PI * 2);
  const [lx, ly, lz] = [Math.cos(sunAngle) * 0.72, Math.sin(sunAngle) * 0.72, 0.69];
  const nebula = yield* SmoothField.sampled(width, height, (px, py) => {
    const [x, y] = [(px / span) * 1.6, (py / span) * 1.6];
    return noise.layered(x + 0.8 * noise.at(x + 9, y), y + 0.8 * noise.at(x, y + 5), 3);
  });
  const bands = random.between(2.2, 3.6);
  const surface = yield* SmoothField.sampled(width, height, (px, py) => {
    const [u, v] = [((px - cx) * cos + (py - cy) * sin) / radius, ((py - cy) * cos - (px - cx) * sin) / radius];
    const swirl = 0.16 * noise.layered(u * 1.6 + 20, v * 5, 3);
    return noise.layered(2.5 + 0.35 * u, (v + swirl) * bands, 3);
  });
  const ringed = random.between(0, 1) < 0.5;
  const [sky, skin] = [new Float32Array(width), new Float32Array(width)];
  const stars = random.integer(0, 1 << 30);
  return {
    paintRow(y, out) {
      nebula.readRow(y, sky);
      surface.readRow(y, skin);
      for (let x = 0; x < width; x++) {
        const at = x * 3;
        const [nx, ny] = [(x - cx) / radius, (y - cy) / radius];
        const distance = Math.hypot(nx, ny);
        putTone(palette.ramp, 0.1 + 0.26 * clamp01(0.4 + (sky[x] ?? 0)), out, at);
        lighten(out, at, starAt(x, y, stars) * 190 * clamp01(0.8 - (sky[x] ?? 0)));
        const rim = Math.max(0, nx * lx + ny * ly) / Math.max(distance, 0.01);
        lighten(out, at, (rim * 62 + 6) / (1 + 60 * Math.max(0, distance - 1) ** 1.4));
        const cover = clamp01((1 - distance) * radius + 0.5);
        if (cover > 0) paintPlanet(x, cover, nx, ny);
        if (ringed) paintRing(x, nx, ny);
      }
      function paintPlanet(x: number, cover: number, nx: number, ny: number): void {
        const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
        const light = smoothstep(-0.12, 1, nx * lx + ny * ly + nz * lz);
        blendTone(palette.ramp, 0.58 + 0.42 * (skin[x] ?? 0) + 0.18 * (light - 0.5), cover, out, x * 3);
        shade(out, x * 3, 1 - cover * (1 - (0.09 + 1.0 * light)));
        lighten(out, x * 3, cover * 26 * (1 - nz) ** 3 * light);
      }
      function paintRing(x: number, nx: number, ny: number): void {
        const u = nx * cos + ny * sin;
        const v = (ny * cos - nx * sin) / 0.26;
        const orbit = Math.hypot(u, v);
        if (orbit < 1.32 || orbit > 2.05 || (v < 0 && nx * nx + ny * ny < 1)) return;
        const edge = smoothstep(1.32, 1.4, orbit) * (1 - smoothstep(1.92, 2.05, orbit));
        const grooves = 0.62 + 0.38 * Math.sin(orbit * 37 + 3 * noise.at(orbit * 9, 0.5));
        blendTone(palette.ramp, 0.66 + 0.26 * grooves, edge * grooves * 0.75, out, x * 3);
      }
    },
  };
}

/** Brightness of the star on a pixel, 0 for nearly all of them. */
function starAt(x: number, y: number, seed: number): number {
  let hash = Math.imul(x ^ seed, 0x9e3779b1) ^ Math.imul(y, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = (hash ^ (hash >>> 13)) >>> 0;
  return hash % 1900 === 0 ? ((hash >>> 12) & 255) / 255 : 0;
}
