/** From a project to its pictures found again, over all services; and nothing of it is there for somebody else. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AssetsPage, AssetView, JobsPage, JobView, QueueJobAnswer } from '#contracts/http/answers.js';
import type { MediaView } from '#contracts/http/images-and-videos.js';
import type { JobHistoryPage } from '#contracts/http/job-history.js';
import type { ProjectsPage, ProjectView } from '#contracts/http/projects.js';
import { Platform } from '../support/platform.js';
import { ContractClient } from './contract-client.js';

let platform: Platform;
let alice: ContractClient;
let mallory: ContractClient;
let project: ProjectView;
let job: JobView;
const imageId = crypto.randomUUID();
const PATIENCE = { timeout: 15_000, interval: 30 };

beforeAll(async () => {
  platform = await Platform.start({ environment: { INITIAL_CREDITS: '100' } });
  const clientOf = async (user: string) =>
    new ContractClient(() => platform.url, { authorization: `Bearer ${await platform.token(user)}` });
  [alice, mallory] = [await clientOf('alice'), await clientOf('mallory')];
  const prompts = { original_prompt: 'a lighthouse', enhanced_prompt: 'A Lighthouse at dawn, 灯塔, 100% mist' };
  project = (await alice.request<ProjectView>('/api/projects', { body: prompts })).body;
  const wish = { jobType: 'sdxl_image_fast', projectId: project.id, imageId, metadata: { count: 2 } };
  job = (await alice.request<QueueJobAnswer>('/api/queue-job', { body: wish })).body.job;
  await vi.waitFor(async () => expect((await image()).status).toBe('completed'), { ...PATIENCE, timeout: 60_000 });
}, 120_000);
afterAll(() => platform?.close());

async function image(): Promise<MediaView> {
  return (await alice.request<MediaView>(`/api/images/${imageId}`)).body;
}

async function found(query: string, client = alice): Promise<readonly AssetView[]> {
  return (await client.request<AssetsPage>(`/api/assets?${query}`)).body.assets;
}

describe('a job of a project', () => {
  it('was made with the project’s prompt and is found by its image, its project and its words', async () => {
    const made = await image();
    expect(made).toMatchObject({
      job: { id: job.id, project_id: project.id, metadata: { prompt: project.enhanced_prompt } },
    });
    expect(made.urls).toHaveLength(2);
    for (const query of [
      `projectId=${project.id}`,
      'q=LIGHT%20dawn',
      'q=%E7%81%AF%E5%A1%94',
      'q=100%25',
      `jobId=${job.id}`,
    ]) {
      await expect.poll(async () => (await found(query)).length, PATIENCE).toBe(2);
    }
    for (const query of [`projectId=${imageId}`, 'q=desert', 'q=%25%25', 'favorite=true'])
      expect(await found(query)).toEqual([]);
    const { jobs } = (await alice.request<JobsPage>(`/api/jobs?projectId=${project.id}`)).body;
    expect(jobs.map(({ id }) => id)).toEqual([job.id]);
    await expect
      .poll(async () => (await alice.request<ProjectsPage>('/api/projects')).body.projects, PATIENCE)
      .toEqual([project]);
  });

  it('has favourites, and a history of all that happened', async () => {
    const [first, second] = await found(`jobId=${job.id}`);
    await alice.request(`/api/assets/${first?.id}`, { method: 'PATCH', body: { favorite: true } });
    await alice.request(`/api/assets/${second?.id}`, { method: 'DELETE' });
    await expect.poll(async () => (await found('favorite=true')).map(({ id }) => id), PATIENCE).toEqual([first?.id]);
    const { body } = await alice.request<JobHistoryPage>(`/api/jobs/${job.id}/history`);
    expect(body.events.map(({ type }) => type)).toEqual([
      ...['JobRequested', 'JobStarted', 'AssetStored', 'AssetStored', 'JobCompleted', 'AssetFavorited', 'AssetDeleted'],
    ]);
    const pages = await alice.request<JobHistoryPage>(`/api/jobs/${job.id}/history?limit=3`);
    expect(pages.body.events).toEqual(body.events.slice(0, 3));
    const rest = await alice.request<JobHistoryPage>(`/api/jobs/${job.id}/history?cursor=${pages.body.next_cursor}`);
    expect(rest.body.events).toEqual(body.events.slice(3));
  });

  it('is not there for somebody else, nor is its project', async () => {
    const [asset] = await found(`jobId=${job.id}`);
    const paths = [
      ...[`/api/projects/${project.id}`, `/api/images/${imageId}`, `/api/videos/${imageId}`],
      ...[`/api/jobs/${job.id}/history`, `/api/assets/${asset?.id}`],
    ];
    for (const path of paths) expect((await mallory.request(path)).status).toBe(404);
    for (const query of ['q=lighthouse', 'favorite=true', `projectId=${project.id}`, `jobId=${job.id}`]) {
      expect(await found(query, mallory)).toEqual([]);
    }
    expect((await mallory.request<ProjectsPage>('/api/projects')).body.projects).toEqual([]);
    expect((await mallory.request<JobsPage>(`/api/jobs?projectId=${project.id}`)).body.jobs).toEqual([]);
    const change = { method: 'PATCH', body: { favorite: false, original_prompt: 'mine' } };
    for (const path of [`/api/projects/${project.id}`, `/api/assets/${asset?.id}`]) {
      expect((await mallory.request(path, change)).status).toBe(404);
    }
    const wish = { jobType: 'sdxl_image_fast', projectId: project.id };
    expect((await mallory.request('/api/queue-job', { body: wish })).status).toBe(404);
  });
});
