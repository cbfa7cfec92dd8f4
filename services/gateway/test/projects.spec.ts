import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorBody } from '#contracts/http/error-codes.js';
import type { ProjectsPage, ProjectView } from '#contracts/http/projects.js';
import { PROJECTS_MAX } from '#contracts/limits.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { authorization, get, type Kit, post, queued, read, startKit } from './gateway-kit.js';

const NOBODY = '01890000-0000-7000-8000-000000000000';
const CHARACTER = '0189ABCD-0000-7000-8000-000000000001';
const LONGEST = '🌄'.repeat(10_000);

let kit: Kit;
let projects = 0;

beforeAll(async () => {
  kit = await startKit();
  await kit.answerQueries({ 'projects.count': () => ({ count: projects }), 'jobs.get': () => ({ job: null }) });
});
afterAll(() => kit.close());

interface Sending {
  readonly userId?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(method: string, path: string, body?: unknown, over: Sending = {}): Promise<Response> {
  const { userId = 'alice', url = kit.url, headers } = over;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(`${url}${path}`, { method, headers: { ...(await authorization(userId)), ...headers }, body: text });
}

async function made(body: object = { original_prompt: 'a lighthouse' }, over: Sending = {}): Promise<ProjectView> {
  const response = await send('POST', '/api/projects', body, over);
  expect(response.status).toBe(201);
  return read<ProjectView>(response);
}

describe('a project', () => {
  it('can be read at once, at any gateway, as it was asked for', async () => {
    const other = await kit.startAnother();
    const project = await made({ original_prompt: '  a lighthouse\n', enhanced_prompt: null, character_id: CHARACTER });
    expect(project).toEqual({
      id: expect.any(String),
      original_prompt: 'a lighthouse',
      enhanced_prompt: null,
      character_id: CHARACTER.toLowerCase(),
      created_at: expect.any(String),
    });
    for (const url of [kit.url, other.url]) {
      expect(await read(get(url, `/api/projects/${project.id.toUpperCase()}`))).toEqual(project);
    }
  });

  it('is changed by what a PATCH names, and null takes away', async () => {
    const project = await made({ original_prompt: 'a', character_id: CHARACTER });
    const path = `/api/projects/${project.id}`;
    const changed = await read<ProjectView>(send('PATCH', path, { enhanced_prompt: ' b ', other: 1 }));
    expect(changed).toEqual({ ...project, enhanced_prompt: 'b' });
    const cleared = await read<ProjectView>(send('PATCH', path, { enhanced_prompt: null, character_id: null }));
    expect(cleared).toEqual({ ...project, character_id: null });
    expect(await read(send('PATCH', path, {}))).toEqual(cleared);
    expect(await read(get(kit.url, path))).toEqual(cleared);
  });

  it('that was deleted is gone for good', async () => {
    const path = `/api/projects/${(await made()).id}`;
    expect((await send('DELETE', path)).status).toBe(204);
    for (const [method, body] of [['DELETE'], ['GET'], ['PATCH', { original_prompt: 'x' }]] as const) {
      const response = await send(method, path, body);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: 'unknown_project' });
    }
  });

  it('is nobody else’s', async () => {
    const path = `/api/projects/${(await made()).id}`;
    for (const [method, body] of [['GET'], ['PATCH', { original_prompt: 'mine' }], ['DELETE']] as const) {
      expect((await send(method, path, body, { userId: 'mallory' })).status).toBe(404);
    }
    expect(await read<ProjectView>(get(kit.url, path))).toMatchObject({ original_prompt: 'a lighthouse' });
  });

  it('takes prompts of 10,000 characters', async () => {
    const project = await made({ original_prompt: LONGEST, enhanced_prompt: LONGEST });
    expect(await read(get(kit.url, `/api/projects/${project.id}`))).toEqual(project);
  });

  it('changed by many at once is one of their projects', async () => {
    const path = `/api/projects/${(await made()).id}`;
    const wishes = Array.from({ length: 12 }, (_, n) => `prompt ${n}`);
    const answers = await Promise.all(wishes.map((original_prompt) => send('PATCH', path, { original_prompt })));
    expect(answers.map(({ status }) => status)).toEqual(wishes.map(() => 200));
    expect(wishes).toContain((await read<ProjectView>(get(kit.url, path))).original_prompt);
  });

  it.each([
    ['no prompt', {}, 'original_prompt'],
    ['a list', [], 'the body'],
    ['an empty prompt', { original_prompt: ' \u200b ' }, 'original_prompt'],
    ['a prompt of another type', { original_prompt: { text: 'x' } }, 'original_prompt'],
    ['too long a prompt', { original_prompt: `${LONGEST}x` }, 'original_prompt'],
    ['an endless prompt', { original_prompt: 'x'.repeat(200_000) }, 'original_prompt'],
    ['a NUL', { original_prompt: 'a\0b' }, 'original_prompt'],
    ['half a character', '{"original_prompt":"\\ud800"}', 'original_prompt'],
    ['a broken second prompt', { original_prompt: 'x', enhanced_prompt: 'a\0b' }, 'enhanced_prompt'],
    ['an empty second prompt', { original_prompt: 'x', enhanced_prompt: '' }, 'enhanced_prompt'],
    ['a number for a prompt', { original_prompt: 'x', enhanced_prompt: 7 }, 'enhanced_prompt'],
    ['a character that is none', { original_prompt: 'x', character_id: 'a.b.>' }, 'character_id'],
  ])('is refused with %s, and the field named', async (_, body, field) => {
    const { id } = await made();
    const answers = [await send('POST', '/api/projects', body)];
    if (field !== 'the body' && 'original_prompt' in Object(body))
      answers.push(await send('PATCH', `/api/projects/${id}`, body));
    for (const response of answers) {
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'invalid_body', details: expect.stringContaining(field) });
    }
  });

  it('keeps its prompt: null is none', async () => {
    const response = await send('PATCH', `/api/projects/${(await made()).id}`, { original_prompt: null });
    expect(response.status).toBe(400);
  });

  it.each(['x', '..%2F..', '%3E', '*', 'a.b', NOBODY, `${NOBODY}%00`])('is not found under %s', async (id) => {
    for (const method of ['GET', 'DELETE']) expect((await send(method, `/api/projects/${id}`)).status).toBe(404);
  });

  it('is refused by the content policy, whichever prompt it is', async () => {
    const { id } = await made();
    for (const body of [{ original_prompt: 'porn' }, { original_prompt: 'x', enhanced_prompt: 'porn' }]) {
      for (const [method, path] of [
        ['POST', '/api/projects'],
        ['PATCH', `/api/projects/${id}`],
      ] as const) {
        const response = await send(method, path, body);
        expect(response.status).toBe(422);
        expect(await response.json()).toMatchObject({ code: 'content_policy' });
      }
    }
  });
});

describe('creating a project', () => {
  const keyed = (key: string, body: object, over: Sending = {}) =>
    send('POST', '/api/projects', body, { ...over, headers: { 'idempotency-key': key } });

  it('twice with one idempotency key makes one, also many times at once', async () => {
    const body = { original_prompt: 'once' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => keyed('once', body)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    const ids = await Promise.all(answers.map(async (answer) => (await read<ProjectView>(answer)).id));
    expect(new Set(ids).size).toBe(1);
    expect((await keyed('once', { original_prompt: 'twice' })).status).toBe(422);
    const bobs = await read<ProjectView>(keyed('once', body, { userId: 'bob' }));
    expect(ids).not.toContain(bobs.id);
  });

  it('is refused at the limit, but for what was created before', async () => {
    await keyed('before', { original_prompt: 'x' });
    projects = PROJECTS_MAX;
    const refused = await send('POST', '/api/projects', { original_prompt: 'x' });
    expect(refused.status).toBe(409);
    expect(await read<ErrorBody>(refused)).toMatchObject({ code: 'project_limit', retryable: false });
    expect((await keyed('before', { original_prompt: 'x' })).status).toBe(201);
    projects = 0;
  });

  it('again and again with long prompts is too much after a while, for this user alone', async () => {
    const long = { original_prompt: LONGEST, enhanced_prompt: LONGEST };
    const { id } = await made(long, { userId: 'eager' });
    const change = (n: number) =>
      send('PATCH', `/api/projects/${id}`, { character_id: n % 2 ? CHARACTER : null }, { userId: 'eager' });
    let last = await change(1);
    expect(last.status).toBe(200);
    for (let n = 2; last.status === 200 && n < 100; n++) last = await change(n);
    expect(last.status).toBe(429);
    expect(await read<ErrorBody>(last)).toMatchObject({ code: 'rate_limited', retryable: true });
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await get(kit.url, `/api/projects/${id}`, 'eager')).status).toBe(200);
    await made();
  });

  it('leaves the rest of the stream to credits', async () => {
    const { id } = await made();
    const { config, state } = await kit.bus.jsm.streams.info(ACCOUNT_STREAM.name);
    await kit.bus.jsm.streams.update(ACCOUNT_STREAM.name, { ...config, max_bytes: Math.ceil(state.bytes * 1.9) });
    for (const [method, path] of [
      ['POST', '/api/projects'],
      ['PATCH', `/api/projects/${id}`],
    ] as const) {
      const response = await send(method, path, { original_prompt: 'y' });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: 'projects_unavailable', retryable: true });
    }
    expect((await send('DELETE', `/api/projects/${id}`)).status).toBe(204);
    await kit.bus.jsm.streams.update(ACCOUNT_STREAM.name, { ...config });
  });
});

describe('GET /api/projects', () => {
  it('answers 503 while lists cannot be read, and 400 for what is no page', async () => {
    expect((await get(kit.url, '/api/projects')).status).toBe(503);
    for (const query of ['limit=0', 'limit=x', 'cursor=%00', 'cursor=']) {
      expect((await get(kit.url, `/api/projects?${query}`)).status).toBe(400);
    }
  });

  it('asks for the caller’s own, and shows them as they are shown alone', async () => {
    const project = await made();
    const asked: unknown[] = [];
    const data = {
      projectId: project.id,
      accountKey: 'a',
      originalPrompt: { text: project.original_prompt },
      createdAt: project.created_at,
    };
    const stop = await kit.answerQueries({
      'projects.list': (request) => {
        asked.push(request);
        return { projects: [data], nextCursor: 'abc' };
      },
    });
    const page = await read<ProjectsPage>(get(kit.url, '/api/projects?limit=1&cursor=xyz'));
    expect(page).toEqual({ projects: [project], next_cursor: 'abc' });
    expect(asked).toEqual([{ accountKey: expect.stringMatching(/^[0-9a-f]{32}$/), limit: 1, cursor: 'xyz' }]);
    stop();
  });
});

describe('a job of a project', () => {
  const wish = (projectId: string, metadata?: object) => ({ jobType: 'sdxl_image_fast', projectId, metadata });

  it('is made with its enhanced prompt, else with its original one, whatever the request says', async () => {
    const { id } = await made({ original_prompt: 'plain', character_id: CHARACTER });
    const first = await queued(kit.url, wish(id));
    expect(first).toMatchObject({
      project_id: id,
      character_id: CHARACTER.toLowerCase(),
      metadata: { prompt: 'plain' },
    });
    await send('PATCH', `/api/projects/${id}`, { enhanced_prompt: 'better' });
    const second = await queued(kit.url, wish(id.toUpperCase(), { prompt: 'mine', seed: 7 }));
    expect(second).toMatchObject({ project_id: id, metadata: { prompt: 'better', seed: 7 } });
    await send('DELETE', `/api/projects/${id}`);
    expect((await post(kit.url, wish(id))).status).toBe(404);
    expect(await read(get(kit.url, `/api/jobs/${second.id}`))).toMatchObject({ project_id: id });
  });

  it('asked for again with its key is answered although the project is gone', async () => {
    const { id } = await made();
    const headers = { 'idempotency-key': 'of-a-project' };
    const ask = () => send('POST', '/api/queue-job', wish(id), { headers });
    const first = await read<{ job: { id: string } }>(ask());
    await send('DELETE', `/api/projects/${id}`);
    expect(await read<{ job: { id: string } }>(ask())).toMatchObject({ job: { id: first.job.id } });
  });

  it.each([
    ['another user’s', async () => (await made({ original_prompt: 'x' }, { userId: 'bob' })).id],
    ['one that is not there', async () => NOBODY],
  ])('is refused for %s project', async (_, projectOf) => {
    const response = await post(kit.url, wish(await projectOf(), { prompt: 'x' }));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'unknown_project' });
  });

  it('is refused with a prompt that is none', async () => {
    const { id } = await made();
    for (const prompt of ['', 7, 'a\0b']) expect((await post(kit.url, wish(id, { prompt }))).status).toBe(400);
  });

  it('passes the content policy again', async () => {
    const adult = await kit.startAnother({ ALLOW_ADULT: 'true' });
    const headers = await authorization('alice', { adult: true });
    const { id } = await made({ original_prompt: 'porn' }, { url: adult.url, headers });
    const response = await post(kit.url, wish(id));
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: 'content_policy' });
  });
});
