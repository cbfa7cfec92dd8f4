import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerSentEvent, serverSentEvents } from '../support/job-events.js';
import { Platform } from '../support/platform.js';

interface Job {
  id: string;
  status: string;
  metadata: { all_assets: string[]; primary_asset: string; seeds: number[]; negative_prompt: string };
}

interface Assets {
  assets: { id: string; job_id: string; index: number; url: string; sha256: string; bytes: number; seed: number }[];
  next_cursor: string | null;
}

let platform: Platform;
let job: Job;
let events: ServerSentEvent[];

beforeAll(async () => {
  platform = await Platform.start({ previewMs: 600 });
});

afterAll(async () => {
  await platform?.close();
});

describe('a prompt posted as the reference shows it', () => {
  it('is accepted with the fields of the reference', async () => {
    const body = { jobType: 'sdxl_image_fast', metadata: { prompt: 'beautiful woman in garden', credits: 1 } };
    const response = await platform.fetch('/api/queue-job', { body });
    const answer = (await response.json()) as { job: Job };
    expect(response.status).toBe(200);
    expect(answer).toMatchObject({
      success: true,
      message: 'Job queued successfully',
      queueLength: 1,
      modelVariant: 'lustify_sdxl',
      jobType: 'sdxl_image_fast',
      queue: 'sdxl_queue',
      isSDXL: true,
      negativePromptSupported: true,
      job: { user_id: 'alice', job_type: 'sdxl_image_fast', status: 'queued' },
    });
    job = answer.job;
  });

  it('can be watched until it is done, every stored event in order', async () => {
    events = await collect(await platform.fetch(`/api/jobs/${job.id}/events`));
    const durable = events.filter((event) => event.id !== '').map((event) => Number(event.id));
    expect(durable).toEqual([...durable].sort((a, b) => a - b));
    expect(events.filter((event) => event.event === 'asset')).toHaveLength(6);
    expect(events.at(-1)).toMatchObject({ event: 'done', data: { status: 'completed' } });
  });

  it('goes on where a client left off, without a gap', async () => {
    const seen = events.find((event) => event.event === 'asset')?.id ?? '';
    const rest = await collect(
      await platform.fetch(`/api/jobs/${job.id}/events`, { headers: { 'last-event-id': seen } }),
    );
    expect(rest.at(-1)?.event).toBe('done');
    expect(rest.every((event) => event.id === '' || Number(event.id) > Number(seen))).toBe(true);
  });

  it('has six different pictures behind signed links', async () => {
    job = (await (await platform.fetch(`/api/jobs/${job.id}`)).json()) as Job;
    const files = await Promise.all(job.metadata.all_assets.map(async (url) => (await fetch(url)).bytes()));
    expect(files).toHaveLength(6);
    expect(new Set(files.map(sha256)).size).toBe(6);
    for (const file of files) expect(pngSize(file)).toEqual([1024, 1024]);
    expect(job.metadata.primary_asset).toBe(job.metadata.all_assets[0]);
  });

  it('is listed with its assets, which have the hashes of their files', async () => {
    const { assets } = await assetsOnceListed(6);
    expect(assets.map((asset) => asset.index).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    for (const asset of assets) expect(sha256(await (await fetch(asset.url)).bytes())).toBe(asset.sha256);
  });

  it('is nobody else’s', async () => {
    const other = await platform.fetch(`/api/jobs/${job.id}`, { user: 'bob' });
    expect(other.status).toBe(404);
    expect(await (await platform.fetch('/api/assets', { user: 'bob' })).json()).toMatchObject({ assets: [] });
  });

  it('loses a deleted picture and its file for good', async () => {
    const { assets } = await assetsOnceListed(6);
    const [asset] = assets;
    if (!asset) throw new Error('there is no asset');
    expect((await platform.fetch(`/api/assets/${asset.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await platform.fetch(`/api/assets/${asset.id}`, { method: 'DELETE' })).status).toBe(404);
    expect((await platform.fetch(`/api/assets/${asset.id}`)).status).toBe(404);
    expect((await fetch(asset.url)).status).toBe(404);
    expect((await assetsOnceListed(5)).assets.map(({ id }) => id)).not.toContain(asset.id);
    expect(await storedFiles()).toHaveLength(5);
  });
});

async function collect(response: Response): Promise<ServerSentEvent[]> {
  const collected = [];
  for await (const event of serverSentEvents(response)) collected.push(event);
  return collected;
}

/** The list comes from a projection, which follows a moment later. */
async function assetsOnceListed(count: number): Promise<Assets> {
  const list = async () => (await (await platform.fetch(`/api/assets?jobId=${job.id}`)).json()) as Assets;
  await expect.poll(async () => (await list()).assets.length, { timeout: 5_000, interval: 20 }).toBe(count);
  return list();
}

async function storedFiles(): Promise<string[]> {
  const all = await readdir(platform.assets, { recursive: true });
  return all.filter((name) => name.endsWith('.png'));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function pngSize(bytes: Uint8Array): [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}
