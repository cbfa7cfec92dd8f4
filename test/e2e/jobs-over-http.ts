/** What the specs of the whole platform do again and again: post a job, wait for it, look into the log. */
import pg from 'pg';
import { expect } from 'vitest';
import { serverSentEvents } from '../support/job-events.js';
import type { Platform } from '../support/platform.js';

export const REQUEST = { jobType: 'sdxl_image_fast', metadata: { prompt: 'a lighthouse at dawn' } };

/** Posts a job, of six pictures if not told otherwise, and expects that it is taken. */
export async function queueJob(platform: Platform, count = 6, user = 'alice'): Promise<string> {
  const body = { ...REQUEST, metadata: { ...REQUEST.metadata, count } };
  const response = await platform.fetch('/api/queue-job', { body, user });
  const answer = (await response.json()) as { job: { id: string } };
  expect(answer).toMatchObject({ success: true });
  return answer.job.id;
}

/** The data of the first event of that name. */
export async function untilEvent(platform: Platform, id: string, name: string): Promise<Record<string, unknown>> {
  const response = await platform.fetch(`/api/jobs/${id}/events`);
  for await (const { event, data } of serverSentEvents(response)) if (event === name) return data;
  throw new Error(`the events of ${id} ended without ${name}`);
}

/** The assets of a job, once the list, which comes from a projection, has as many. */
export async function listedAssets(platform: Platform, id: string, count: number) {
  const list = async () =>
    (await (await platform.fetch(`/api/assets?jobId=${id}`)).json()) as { assets: { index: number; url: string }[] };
  await expect.poll(async () => (await list()).assets?.length, { timeout: 20_000, interval: 50 }).toBe(count);
  return list();
}

export async function query<T>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Whether the event log is whole, and how many events of jobs are in it. */
export async function logOf(url: string) {
  const [row] = await query<Record<string, string>>(
    url,
    `select count(*) filter (where stream = 'OURVIDZ_JOBS') events, max(position) - count(*) gaps,
            count(*) - count(distinct event_id) doubled from events`,
  );
  return { events: Number(row?.events), gaps: Number(row?.gaps), doubled: Number(row?.doubled) };
}
