import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkVideo } from '#worker/video-check.js';
import { Platform } from '../support/platform.js';
import { listedAssets, untilEvent } from './jobs-over-http.js';

interface VideoAsset {
  readonly id: string;
  readonly url: string;
  readonly preview_url: string;
  readonly sha256: string;
  readonly bytes: number;
}

const SHAPE = { width: 480, height: 832, frames: 83, fps: 16 };

let platform: Platform;
let asset: VideoAsset;
let video: Buffer;

beforeAll(async () => {
  platform = await Platform.start({ workers: 0, previewMs: 1_500 });
  await platform.startService('wan-worker');
});

afterAll(() => platform?.close());

describe('a video asked for over HTTP', () => {
  it('is made by a WAN worker, and the job says so', async () => {
    const body = { jobType: 'video_fast', metadata: { prompt: 'waves on a northern shore', seed: 3 } };
    const response = await platform.fetch('/api/queue-job', { body });
    const answer = (await response.json()) as { job: { id: string } };
    expect(answer).toMatchObject({ success: true, modelVariant: 'wan_2_1_1_3b', queue: 'wan_queue', isSDXL: false });
    const [preview, done] = await Promise.all(
      ['preview', 'done'].map((event) => untilEvent(platform, answer.job.id, event)),
    );
    const becoming = { job_id: answer.job.id, attempt: 1, index: 0, media_type: 'image/webp', width: 256, height: 444 };
    expect(preview).toMatchObject({ ...becoming, data_url: expect.stringMatching(/^data:image\/webp;base64,UklGR/) });
    expect(done).toMatchObject({ status: 'completed', format: 'video', metadata: { seeds: [3] } });

    const { assets } = await listedAssets(platform, answer.job.id, 1);
    expect(assets).toMatchObject([
      { media_type: 'video/mp4', width: 480, height: 832, duration_s: 83 / 16, seed: 3, index: 0 },
    ]);
    asset = assets[0] as unknown as VideoAsset;
  });

  it('is the whole MP4 that was asked for', async () => {
    const response = await fetch(asset.url);
    video = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-type')).toBe('video/mp4');
    expect(video.length).toBe(asset.bytes);
    expect(createHash('sha256').update(video).digest('hex')).toBe(asset.sha256);
    expect(checkVideo(video, SHAPE)).toMatchObject({ ok: true, video: { indexFirst: true } });
  });

  it('is served in ranges, as players ask for it', async () => {
    const response = await fetch(asset.url, { headers: { range: 'bytes=100-199' } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes 100-199/${asset.bytes}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(video.subarray(100, 200))).toBe(true);
  });

  it('has a poster, a small WebP picture behind a signed link of its own', async () => {
    const response = await fetch(asset.preview_url);
    const poster = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-type')).toBe('image/webp');
    expect(poster.toString('latin1', 0, 4) + poster.toString('latin1', 8, 16)).toBe('RIFFWEBPVP8X');
    expect(poster.length).toBeLessThan(40_000);
    expect((await fetch(asset.preview_url.replace(/sig=.{6}/, 'sig=000000'))).status).toBe(403);
  });

  it('is gone with its poster once it is deleted', async () => {
    expect((await platform.fetch(`/api/assets/${asset.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(asset.url)).status).toBe(404);
    expect((await fetch(asset.preview_url)).status).toBe(404);
    await expect.poll(() => readdir(platform.assets, { recursive: true })).toEqual([]);
  });
});
