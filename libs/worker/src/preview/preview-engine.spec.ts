import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIVE_PREVIEW_MAX_BYTES } from '#contracts/limits.js';
import type { Engine, EngineOutput, EnginePreview, EngineProgress, EngineRequest } from '../engine.js';
import { readMp4Video } from '../mp4-video.js';
import { checkPicture } from '../picture-check.js';
import type { PixelRows } from '../pixels.js';
import { checkVideo } from '../video-check.js';
import { firstVisibleFrame, shownFrames } from '../video-frames.js';
import { createPreviewEngine } from './preview-engine.js';

const NEVER = new AbortController().signal;

const REQUEST: EngineRequest = {
  jobId: 'job',
  prompt: 'A quiet lake at dawn',
  width: 320,
  height: 256,
  steps: 10,
  guidanceScale: 7,
  outputs: [{ index: 0, seed: 1 }],
};

interface Recording {
  readonly outputs: EngineOutput[];
  readonly progress: EngineProgress[];
  readonly previews: EnginePreview[];
}

/** For runs of which only some is looked at. */
const IGNORED = { onProgress: () => {}, onPreview: () => {}, onOutputFailed: () => {} };

async function record(engine: Engine, request: Partial<EngineRequest>, signal = NEVER): Promise<Recording> {
  const recording: Recording = { outputs: [], progress: [], previews: [] };
  const onOutput = async (output: EngineOutput) => void recording.outputs.push(output);
  const onProgress = (progress: EngineProgress) => void recording.progress.push(progress);
  const onPreview = (preview: EnginePreview) => void recording.previews.push(preview);
  await engine.run({ ...REQUEST, ...request }, { ...IGNORED, onProgress, onPreview, onOutput }, signal);
  return recording;
}

async function pictureBy(engine: Engine, request: Partial<EngineRequest> = {}): Promise<Buffer> {
  const [output] = (await record(engine, request)).outputs;
  return Buffer.from(output?.bytes ?? []);
}

function batch(...seeds: number[]) {
  return seeds.map((seed, index) => ({ index, seed }));
}

async function readyEngine(durationMs: number): Promise<Engine> {
  const engine = createPreviewEngine({ durationMs });
  await engine.setup(NEVER);
  return engine;
}

/** Its time is over before the first picture is painted, so that nothing but painting takes time. */
const quick = await readyEngine(1);
const instant = await readyEngine(0);
afterAll(() => Promise.all([quick.close(), instant.close()]));

describe.each([
  ['in time', quick],
  ['for benchmarks', instant],
])('a picture made %s', (_, engine) => {
  test('is the same again for the same request', async () => {
    expect((await pictureBy(engine)).equals(await pictureBy(engine))).toBe(true);
  });

  test('differs by seed and by prompt', async () => {
    const pictures = [
      await pictureBy(engine),
      await pictureBy(engine, { outputs: batch(2) }),
      await pictureBy(engine, { prompt: 'A quiet lake at dusk' }),
    ];
    expect(new Set(pictures.map((picture) => picture.toString('base64'))).size).toBe(3);
  });

  test('of a batch is the same as alone', async () => {
    const { outputs } = await record(engine, { outputs: batch(7, 8, 9) });
    const alone = await pictureBy(engine, { outputs: batch(8) });
    expect(Buffer.from(outputs[1]?.bytes ?? []).equals(alone)).toBe(true);
  });

  test.each([
    [1024, 1024],
    [480, 832],
    [833, 479],
    [64, 64],
    [1, 1],
  ])('has the size %i x %i', async (width, height) => {
    for (const seed of [0, 1, 2, 3, 4, 2 ** 32 - 1]) {
      const picture = await pictureBy(engine, { width, height, outputs: batch(seed) });
      // Nothing but its size can be said of a picture of one pixel.
      const expected = width > 1 ? { ok: true, pixels: { width, height } } : { fault: 'single-colour' };
      expect(await checkPicture(picture, { width, height })).toMatchObject(expected);
    }
  });

  test('stays below what its bucket takes', async () => {
    const picture = await pictureBy(engine, { width: 1024, height: 1024, outputs: batch(5) });
    expect(picture.length).toBeLessThan(2_000_000);
  });

  test.each([
    ['', 'nothing'],
    ['\u0000\u001b[31m\n\t\u0007', 'controls'],
    ['\ud83d half an emoji \udc00', 'lone surrogates'],
    ['森の中の静かな湖、朝霧', 'Japanese'],
    ['بحيرة هادئة في الفجر (lake) لا', 'Arabic'],
    ['אגם שקט with English inside', 'Hebrew and Latin'],
    ['एक शांत झील ทะเลสาบ 👩‍🚀🏳️‍🌈', 'Devanagari, Thai, emoji'],
    [`z${'\u0351'.repeat(500)}algo`, 'stacked marks'],
    ['x'.repeat(10_000), 'one very long word'],
    ['word '.repeat(2_000), 'very many words'],
  ])('is painted for the prompt %o (%s)', async (prompt) => {
    expect(await checkPicture(await pictureBy(engine, { prompt }))).toMatchObject({ ok: true });
  });
});

test('any prompt, seed and size gets a picture', async () => {
  const prompts = fc.string({ unit: 'binary', maxLength: 200 });
  const sizes = fc.integer({ min: 1, max: 96 });
  await fc.assert(
    fc.asyncProperty(
      prompts,
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      sizes,
      sizes,
      async (prompt, seed, width, height) => {
        const picture = await pictureBy(quick, { prompt, width, height, outputs: batch(seed) });
        expect(await checkPicture(picture, { width, height })).not.toMatchObject({ fault: 'broken' });
      },
    ),
    { numRuns: 150 },
  );
});

describe.each([
  ['in time', quick],
  ['for benchmarks', instant],
])('the progress of a run %s', (_, engine) => {
  test.each([
    [25, 6],
    [1, 6],
    [50, 1],
    [4, 4],
  ])('never falls and ends complete (%i steps, %i outputs)', async (steps, count) => {
    const { outputs, progress } = await record(engine, {
      steps,
      outputs: batch(...Array(count).keys()),
      width: 32,
      height: 32,
    });
    const percents = progress.map(({ percent }) => percent);

    expect(outputs.map(({ index, seed }) => ({ index, seed }))).toEqual(batch(...Array(count).keys()));
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(progress[0]).toEqual({ stage: 'loading', percent: 0, step: 0, steps });
    expect(progress.at(-1)).toEqual({ stage: 'decoding', percent: 100, step: steps, steps });
  });
});

/** Short and small: five kinds of scenes are to be seen quickly. */
const VIDEO = { width: 96, height: 128, video: { frames: 12, fps: 4 } };

describe.each([
  ['in time', quick],
  ['for benchmarks', instant],
])('a video made %s', (_, engine) => {
  test('is the same again for the same request', async () => {
    expect((await pictureBy(engine, VIDEO)).equals(await pictureBy(engine, VIDEO))).toBe(true);
  });

  test('has the size, the frames and the speed that were asked for, and something on it', async () => {
    const { outputs, progress } = await record(engine, { ...VIDEO, outputs: batch(5) });
    expect(outputs).toMatchObject([{ index: 0, seed: 5, mediaType: 'video/mp4', width: 96, height: 128 }]);
    const verdict = checkVideo(outputs[0]?.bytes ?? new Uint8Array(), { width: 96, height: 128, ...VIDEO.video });
    if (!verdict.ok) throw new Error(verdict.reason);
    expect(await firstVisibleFrame(verdict.video)).toBeDefined();
    expect(progress.at(-1)).toEqual({ stage: 'decoding', percent: 100, step: 10, steps: 10 });
  });
});

describe('a moving picture', () => {
  test.each([0, 1, 2, 3, 4])('of seed %i moves from its first frame to its last', async (seed) => {
    const frames = await framesOf(await pictureBy(quick, { ...VIDEO, outputs: batch(seed) }));
    const [first = new Uint8Array(), last] = [frames[0], frames.at(-1)];
    expect(frames).toHaveLength(VIDEO.video.frames);
    const changed = first.filter((sample, at) => Math.abs(sample - (last?.[at] ?? 0)) > 12).length;
    expect(changed / first.length).toBeGreaterThan(0.005);
  });

  test('begins as the picture of the same prompt and seed', async () => {
    const [frame = new Uint8Array()] = await framesOf(await pictureBy(quick, VIDEO));
    const verdict = await checkPicture(await pictureBy(quick, { width: 96, height: 128 }));
    if (!verdict.ok) throw new Error(verdict.reason);
    const picture = samplesOf(verdict.pixels);
    expect(frame).toHaveLength(picture.length);
    const differences = frame.map((sample, at) => Math.abs(sample - (picture[at] ?? 0)));
    expect(differences.reduce((sum, one) => sum + one, 0) / frame.length).toBeLessThan(6);
  });

  test('reports its frames on the way and never falls back', async () => {
    const { progress } = await record(quick, { ...VIDEO, outputs: batch(1) });
    const percents = progress.map(({ percent }) => percent);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(new Set(percents).size).toBeGreaterThan(10);
  });
});

/** Red, green, blue of all pixels of every frame. */
async function framesOf(mp4: Buffer): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const frame of shownFrames(readMp4Video(mp4))) frames.push(samplesOf(await frame.pixels()));
  return frames;
}

function samplesOf(pixels: PixelRows): Uint8Array {
  const samples: number[] = [];
  pixels.eachRow((row) => samples.push(...row));
  return Uint8Array.from(samples);
}

describe('a run that is to take its time', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await readyEngine(400);
  });

  test('takes it, and hands its outputs over along the way', async () => {
    const startedAt = performance.now();
    const at: number[] = [];
    const onOutput = async () => void at.push(performance.now() - startedAt);
    const request = { ...REQUEST, width: 32, height: 32, outputs: batch(1, 2, 3, 4) };
    await engine.run(request, { ...IGNORED, onOutput }, NEVER);

    expect(at).toHaveLength(4);
    // Timers may fire a millisecond early; how late, is up to the machine.
    for (const [index, time] of at.entries()) expect(time).toBeGreaterThan((index + 1) * 100 - 2);
  });

  test('reports its steps between the outputs', async () => {
    const { progress } = await record(engine, { width: 32, height: 32, steps: 8, outputs: batch(1, 2) });
    const generating = progress.filter(({ stage }) => stage === 'generating').map(({ step }) => step);
    expect(generating).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('what a run is becoming', () => {
  test('is shown after a second, small and coarse', async () => {
    const { previews } = await record(await readyEngine(1_500), { steps: 30, outputs: batch(1, 2) });
    expect(previews).toMatchObject([{ index: 1, mediaType: 'image/webp', width: 256, height: 205 }]);
    const [{ bytes = new Uint8Array() } = {}] = previews;
    const file = Buffer.from(bytes);
    expect(file.toString('latin1', 0, 4) + file.toString('latin1', 8, 16)).toBe('RIFFWEBPVP8X');
    expect([file.readUIntLE(24, 3), file.readUIntLE(27, 3)]).toEqual([255, 204]);
    expect(file.includes('digitalsourcetype/algorithmicMedia')).toBe(true);
    expect(file.length).toBeLessThan(LIVE_PREVIEW_MAX_BYTES / 4);
  });

  test('is not shown by a run that is over before', async () => {
    expect((await record(quick, { outputs: batch(1, 2, 3) })).previews).toEqual([]);
    expect((await record(instant, VIDEO)).previews).toEqual([]);
  });
});

describe('an abort', () => {
  const REASON = new Error('cancelled by the user');
  /** Promised are 50; the rest is for a machine that is busy with other tests. */
  const SOON_MS = 150;

  async function abortedRun(engine: Engine, request: Partial<EngineRequest>, when: 'output' | 'step' | 'storing') {
    const controller = new AbortController();
    let abortedAt = 0;
    const abort = () => {
      abortedAt = performance.now();
      controller.abort(REASON);
    };
    const callbacks = {
      ...IGNORED,
      onProgress: ({ step }: EngineProgress) => (when === 'step' && step === 2 ? abort() : undefined),
      onOutput: () => {
        if (when !== 'step') abort();
        return when === 'storing' ? new Promise<void>(() => {}) : Promise.resolve();
      },
    };
    await expect(engine.run({ ...REQUEST, ...request }, callbacks, controller.signal)).rejects.toBe(REASON);
    return performance.now() - abortedAt;
  }

  test('before the run rejects with its reason', async () => {
    await expect(record(quick, {}, AbortSignal.abort(REASON))).rejects.toBe(REASON);
  });

  test.each(['output', 'step', 'storing'] as const)('during a %s rejects with its reason at once', async (when) => {
    const engine = when === 'step' ? await readyEngine(600_000) : quick;
    const steps = when === 'step' ? 1_000_000 : 1;
    expect(await abortedRun(engine, { outputs: batch(1, 2), steps }, when)).toBeLessThan(SOON_MS);
  });

  test('while painting rejects with its reason at once', async () => {
    const controller = new AbortController();
    const run = record(quick, { width: 4096, height: 4096 }, controller.signal);
    const rejected = expect(run).rejects.toBe(REASON);
    await new Promise((resolve) => setImmediate(resolve));
    const abortedAt = performance.now();
    controller.abort(REASON);
    await rejected;
    expect(performance.now() - abortedAt).toBeLessThan(SOON_MS);
  });
});

test('an error while storing ends the run with that error', async () => {
  const failure = new Error('the disk is full');
  const callbacks = { ...IGNORED, onOutput: () => Promise.reject(failure) };
  await expect(quick.run(REQUEST, callbacks, NEVER)).rejects.toBe(failure);
});

test('a run before setup is refused', async () => {
  await expect(record(createPreviewEngine({ durationMs: 0 }), {})).rejects.toThrow('before setup()');
});
