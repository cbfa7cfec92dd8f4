import { join } from 'node:path';
import type { JobView, QueueJobAnswer } from '#contracts/http/answers.js';
import type { JobType } from '#contracts/job-catalogue.js';
import { readEvents } from './event-stream.js';

/** The API as a client sees it. */
export interface ApiClient {
  url: string;
  token: string;
  /** Gives up waiting. */
  signal: AbortSignal;
}

const JOB_TYPE: JobType = 'sdxl_image_fast';
const PROMPT = 'A lighthouse on a basalt cliff at dusk, long exposure, warm light over a calm sea, fine art photograph';

/**
 * Has six pictures made, as any client would, and waits for them.
 *
 * @param onProgress percent from 0 to 100, and what is being done
 * @returns the finished job
 * @throws with what went wrong
 */
export async function runDemonstration(
  api: ApiClient,
  onProgress: (percent: number, stage: string) => void,
): Promise<JobView> {
  const { job } = await ask<QueueJobAnswer>(api, '/api/queue-job', { jobType: JOB_TYPE, metadata: { prompt: PROMPT } });
  await watch(api, job.id, onProgress);
  const finished = await ask<JobView>(api, `/api/jobs/${job.id}`);
  if (finished.status === 'completed') return finished;
  throw new Error(`the job ended as ${finished.status}: ${finished.error_message ?? 'no reason was given'}`);
}

/** Where the files of a finished job are in the folder of an asset store. */
export function assetFiles(job: JobView, folder: string): string[] {
  return assetUrls(job).map((url) => join(folder, ...decodeURIComponent(new URL(url).pathname).split('/').slice(2)));
}

/** The addresses of a finished job's files. */
export function assetUrls({ metadata }: JobView): string[] {
  const urls = metadata.all_assets;
  return Array.isArray(urls) ? urls.filter((url) => typeof url === 'string') : [];
}

async function watch(api: ApiClient, jobId: string, onProgress: (percent: number, stage: string) => void) {
  const response = await send(api, `/api/jobs/${jobId}/events`);
  if (!response.body) throw new Error('the live updates of the job are empty');
  for await (const { event, data } of readEvents(response.body)) {
    if (event === 'done') return onProgress(100, 'done');
    if (event !== 'progress') continue;
    const { percent, stage } = JSON.parse(data) as { percent: number; stage: string };
    onProgress(percent, stage);
  }
}

async function ask<Answer>(api: ApiClient, path: string, body?: object): Promise<Answer> {
  return (await send(api, path, body)).json() as Promise<Answer>;
}

async function send({ url, token, signal }: ApiClient, path: string, body?: object): Promise<Response> {
  const response = await fetch(`${url}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    body: body && JSON.stringify(body),
    signal,
  });
  if (response.ok) return response;
  throw new Error(`${body ? 'POST' : 'GET'} ${path} was answered with ${response.status}: ${await response.text()}`);
}
