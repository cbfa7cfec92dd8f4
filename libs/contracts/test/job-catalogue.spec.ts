import { describe, expect, it } from 'vitest';
import { isJobType, JOB_CATALOGUE, JOB_TYPES, QUEUE_ROUTES } from '#contracts/job-catalogue.js';

const MIB = 1024 * 1024;

/** The tables of the API reference: type, outputs, seconds, word, size, bucket's MB, and what the engine is told. */
const REFERENCE = `
  sdxl_image_fast       6 png  29.9 Excellent 1024*1024   5 | 25 6.5  1 false  25
  sdxl_image_high       6 png  42.4 Premium   1024*1024  10 | 50 7.5  1 false  40
  image_fast            1 png  73   Good      480*832     5 | 25 6.5  1 false  25
  image_high            1 png  90   Better    480*832    10 | 50 7.5  1 false  40
  video_fast            1 mp4 251.5 Good      480*832    50 | 25 6.5 83 false 135
  video_high            1 mp4 359.7 Better    480*832   200 | 50 7.5 83 false 180
  image7b_fast_enhanced 1 png 233.5 Enhanced  480*832    20 | 25 6.5  1 true   85
  image7b_high_enhanced 1 png 104   Enhanced  480*832    20 | 50 7.5  1 true  100
  video7b_fast_enhanced 1 mp4 263.9 Enhanced  480*832   100 | 25 6.5 83 true  195
  video7b_high_enhanced 1 mp4 370   Enhanced  480*832   100 | 50 7.5 83 true  240`;

const rows = REFERENCE.trim()
  .split('\n')
  .map((line) => line.replace('|', '').trim().split(/\s+/));

describe('the catalogue', () => {
  it('has the ten types of the reference, in its order', () => {
    expect(JOB_TYPES).toEqual(rows.map(([type]) => type));
  });

  it.each(rows)('%s › is as in the reference', (...row) => {
    const [type, outputs, extension, seconds, word, size = '', megabytes, steps, guidance, frames, enhanced, expected] =
      row;
    if (!isJobType(type)) throw new Error(`${type} is no job type`);
    const entry = JOB_CATALOGUE[type];
    const isSdxl = type.startsWith('sdxl_');
    const [width, height] = size.split('*').map(Number);
    const format = type.includes('video') ? 'video' : 'image';
    expect(entry).toMatchObject({
      jobType: type,
      bucket: type,
      format,
      quality: type.includes('_fast') ? 'fast' : 'high',
      qualityWord: word,
      outputs: Number(outputs),
      referenceSeconds: Number(seconds),
      bucketLimitBytes: Number(megabytes) * MIB,
      width,
      height,
      credits: 1,
      isSdxl,
      isEnhanced: enhanced === 'true',
      negativePromptSupported: isSdxl,
      countSupported: isSdxl,
      queue: isSdxl ? 'sdxl_queue' : 'wan_queue',
      modelVariant: isSdxl ? 'lustify_sdxl' : 'wan_2_1_1_3b',
      route: isSdxl ? 'sdxl' : enhanced === 'true' ? 'wan-enhanced' : 'wan',
      mediaType: extension === 'mp4' ? 'video/mp4' : 'image/png',
    });
    expect(entry.config).toEqual({
      size,
      sample_steps: Number(steps),
      sample_guide_scale: Number(guidance),
      ...(isSdxl ? {} : { sample_solver: 'unipc', sample_shift: 5 }),
      frame_num: Number(frames),
      enhance_prompt: enhanced === 'true',
      expected_time: Number(expected),
      content_type: format,
      file_extension: extension,
    });
  });

  it('videos › are 5 s when fast and 6 s when high', () => {
    expect(Math.round(JOB_CATALOGUE.video_fast.videoSeconds ?? 0)).toBe(5);
    expect(Math.round(JOB_CATALOGUE.video7b_high_enhanced.videoSeconds ?? 0)).toBe(6);
    expect(JOB_CATALOGUE.image_fast.videoSeconds).toBeUndefined();
  });

  it('knows its types by name and no others', () => {
    for (const type of ['sdxl_image', '', 'toString', '__proto__', 7, null, ['video_fast']])
      expect(isJobType(type)).toBe(false);
  });

  it('every route is in one queue', () => {
    expect(Object.values(QUEUE_ROUTES).flat().sort()).toEqual(['sdxl', 'wan', 'wan-enhanced']);
  });
});
