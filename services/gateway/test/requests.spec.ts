import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView, QueueJobAnswer, QueueStatusAnswer } from '#contracts/http/answers.js';
import type { ErrorBody } from '#contracts/http/error-codes.js';
import { JOB_TYPES } from '#contracts/job-catalogue.js';
import {
  authorization,
  get,
  type Kit,
  post,
  queued,
  read,
  startKit,
  TestWorker,
  tokenFor,
  WISH,
} from './gateway-kit.js';

let kit: Kit;
beforeAll(async () => {
  kit = await startKit({ SERVED_ROUTES: 'sdxl' });
});
afterAll(() => kit.close());

describe('POST /api/queue-job', () => {
  it('answers as the reference says, and the job can be read at once', async () => {
    const response = await post(kit.url, WISH);
    expect(response.status).toBe(200);
    const answer = await read<QueueJobAnswer>(response);
    expect(answer).toMatchObject({
      success: true,
      message: 'Job queued successfully',
      modelVariant: 'lustify_sdxl',
      jobType: 'sdxl_image_fast',
      queue: 'sdxl_queue',
      isSDXL: true,
      negativePromptSupported: true,
      job: { user_id: 'alice', job_type: 'sdxl_image_fast', status: 'queued', model_type: 'sdxl_image_fast' },
    });
    expect(answer.queueLength).toBeGreaterThanOrEqual(1);
    expect(answer.job.metadata).toMatchObject({
      prompt: 'beautiful woman in garden',
      credits: 1,
      bucket: 'sdxl_image_fast',
      num_images: 6,
      queue: 'sdxl_queue',
      dual_worker_routing: true,
      negative_prompt_supported: true,
      all_assets: [],
      primary_asset: null,
    });
    const again = await get(kit.url, `/api/jobs/${answer.job.id}`);
    expect(await again.json()).toEqual({
      ...answer.job,
      estimatedSeconds: expect.any(Number),
      queuePosition: expect.any(Number),
    });
    expect(answer.urls.self).toBe(`${kit.url}/api/jobs/${answer.job.id}`);
  });

  it('counts seeds on from the given one, around the end', async () => {
    const job = await queued(kit.url, { ...WISH, metadata: { prompt: 'x', seed: 2 ** 32 - 2, count: 4 } });
    expect(job.metadata.seeds).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 0, 1]);
  });

  it('keeps unknown keys of the metadata, but none that the server sets', async () => {
    const metadata = { prompt: 'x', note: { a: [1] }, all_assets: ['evil'], primary_asset: 'evil', queue: 'evil' };
    const job = await queued(kit.url, { ...WISH, metadata });
    expect(job.metadata).toMatchObject({ note: { a: [1] }, all_assets: [], primary_asset: null, queue: 'sdxl_queue' });
  });

  it('takes ids in upper case', async () => {
    const job = await queued(kit.url, { ...WISH, imageId: '01890000-AAAA-7000-8000-00000000000F' });
    expect(job.image_id).toBe('01890000-aaaa-7000-8000-00000000000f');
  });

  it('takes a body without a content type and one sent as text', async () => {
    const headers = await authorization();
    const asText = await fetch(`${kit.url}/api/queue-job`, { method: 'POST', headers, body: JSON.stringify(WISH) });
    expect(asText.status).toBe(200);
    const body = new Blob([JSON.stringify(WISH)]);
    const untyped = await fetch(`${kit.url}/api/queue-job`, { method: 'POST', headers, body });
    expect(untyped.status).toBe(200);
  });

  it('does not let a body poison prototypes', async () => {
    const text = `{"jobType":"sdxl_image_fast","__proto__":{"polluted":1},"metadata":{"prompt":"x","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}`;
    expect((await post(kit.url, text)).status).toBe(200);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('lists the valid job types for an unknown one', async () => {
    const response = await post(kit.url, { jobType: 'sdxl_video' });
    expect(response.status).toBe(400);
    const expected = { success: false, code: 'invalid_job_type', error: 'Invalid job type: sdxl_video' };
    expect(await response.json()).toMatchObject({ ...expected, validJobTypes: [...JOB_TYPES] });
  });

  it.each([
    [
      'a wrong seed',
      { ...WISH, metadata: { prompt: 'x', seed: 2 ** 32 } },
      400,
      'metadata.seed must not be greater than 4294967295',
    ],
    ['a fractional seed', { ...WISH, metadata: { prompt: 'x', seed: 1.5 } }, 400, 'metadata.seed'],
    ['too many pictures', { ...WISH, metadata: { prompt: 'x', count: 7 } }, 400, 'metadata.count'],
    ['no pictures', { ...WISH, metadata: { prompt: 'x', count: 0 } }, 400, 'metadata.count'],
    ['too many credits', { ...WISH, metadata: { prompt: 'x', credits: 1001 } }, 400, 'metadata.credits'],
    ['another bucket', { ...WISH, metadata: { prompt: 'x', bucket: 'video_fast' } }, 400, 'metadata.bucket'],
    ['no prompt', { jobType: 'sdxl_image_fast' }, 400, 'metadata.prompt'],
    ['an empty prompt', { ...WISH, metadata: { prompt: ' \u200b\n ' } }, 400, 'metadata.prompt'],
    ['a prompt of another type', { ...WISH, metadata: { prompt: ['x'] } }, 400, 'metadata.prompt'],
    ['too long a prompt', { ...WISH, metadata: { prompt: 'x'.repeat(10_001) } }, 400, 'metadata.prompt'],
    ['a NUL', { ...WISH, metadata: { prompt: 'a\0b' } }, 400, 'metadata.prompt'],
    ['half a character', `{"jobType":"sdxl_image_fast","metadata":{"prompt":"\\ud800"}}`, 400, 'metadata.prompt'],
    ['metadata that is a list', { ...WISH, metadata: [] }, 400, 'metadata'],
    ['a body that is a list', [WISH], 400, 'the body'],
    ['too much metadata', { ...WISH, metadata: { prompt: 'x', note: 'x'.repeat(17_000) } }, 400, 'metadata'],
    ['a NUL in metadata', { ...WISH, metadata: { prompt: 'x', note: { a: ['\0'] } } }, 400, 'metadata'],
    ['an id that is none', { ...WISH, imageId: 'a.b.>' }, 400, 'imageId'],
    ['a project that is not there', { ...WISH, projectId: '01890000-0000-7000-8000-000000000000' }, 404, ''],
    ['a job type without workers', { jobType: 'video_fast', metadata: { prompt: 'x' } }, 503, 'video_fast'],
    ['what is never allowed', { ...WISH, metadata: { prompt: 'nude child' } }, 422, ''],
    ['adult content', { ...WISH, metadata: { prompt: 'porn' } }, 422, 'adult'],
  ])('refuses %s', async (_, body, status, details) => {
    const response = await post(kit.url, body);
    expect(response.status).toBe(status);
    const answer = await read<ErrorBody>(response);
    expect(answer).toMatchObject({ success: false, error: expect.any(String), suggestedAction: expect.any(String) });
    expect(String(answer.details ?? '')).toContain(details);
  });

  it('takes a prompt of exactly 10,000 characters, whatever they take in UTF-16', async () => {
    expect((await post(kit.url, { ...WISH, metadata: { prompt: '🌄'.repeat(10_000) } })).status).toBe(200);
    expect((await post(kit.url, { ...WISH, metadata: { prompt: '🌄'.repeat(10_001) } })).status).toBe(400);
  });

  it('passes the trace on', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const headers = { ...(await authorization()), traceparent, 'x-request-id': 'my-request' };
    const response = await fetch(`${kit.url}/api/queue-job`, { method: 'POST', headers, body: JSON.stringify(WISH) });
    expect(response.headers.get('x-request-id')).toBe('my-request');
  });
});

describe('a body that cannot be read', () => {
  const send = async (body: string, headers: Record<string, string> = {}) =>
    fetch(`${kit.url}/api/queue-job`, { method: 'POST', body, headers: { ...(await authorization()), ...headers } });

  it.each([
    ['no JSON', '{', {}, 400, 'invalid_json'],
    ['nothing', '', { 'content-type': 'application/json' }, 400, 'invalid_body'],
    ['too much', `{"x":"${'x'.repeat(257 * 1024)}"}`, {}, 413, 'body_too_large'],
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
    ['XML', '<a/>', { 'content-type': 'application/xml' }, 415, 'unsupported_media_type'],
    ['a type that is none', '{}', { 'content-type': 'json' }, 415, 'unsupported_media_type'],
    ['gzip', '{}', { 'content-encoding': 'gzip' }, 415, 'unsupported_media_type'],
  ])('%s', async (_, body, headers, status, code) => {
    const response = await send(body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ success: false, code });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('is not even looked at without a token', async () => {
    const response = await fetch(`${kit.url}/api/queue-job`, { method: 'POST', body: '{' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toMatchObject({ code: 'authentication_required' });
  });
});

describe('any text as a body', () => {
  it('gets an answer of the contract that is not our fault', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string({ unit: 'binary' })), async (text) => {
        const response = await post(kit.url, text);
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ success: false, code: expect.any(String) });
      }),
      { numRuns: 200 },
    );
  });
});

describe('addresses', () => {
  it.each([
    ['GET', '/nothing', 404, 'not_found'],
    ['GET', '/api/jobs/%E0%A4%A', 404, 'not_found'],
    ['GET', `/api/jobs/${'x'.repeat(300)}`, 404, 'not_found'],
    ['GET', '/api/queue-job', 405, 'method_not_allowed'],
    ['PUT', '/api/jobs/x', 405, 'method_not_allowed'],
    ['GET', '/api/jobs/x', 404, 'unknown_job'],
    ['GET', '/api/jobs/x/events', 404, 'unknown_job'],
    ['GET', '/api/jobs/%3E', 404, 'unknown_job'],
    ['GET', '/api/assets/x', 404, 'unknown_asset'],
    ['DELETE', '/api/assets/..%2F..', 404, 'unknown_asset'],
    ['GET', '/api/jobs?limit=0', 400, 'invalid_query'],
    ['GET', '/api/jobs?limit=1&limit=2', 400, 'invalid_query'],
    ['GET', '/api/jobs?status=done', 400, 'invalid_query'],
    ['GET', '/api/assets?jobId=x', 400, 'invalid_query'],
    ['GET', '/api/assets?from=yesterday', 400, 'invalid_query'],
    ['GET', '/api/jobs', 503, 'lists_unavailable'],
  ])('%s %s answers %i %s', async (method, path, status, code) => {
    const response = await fetch(`${kit.url}${path}`, { method, headers: await authorization() });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ success: false, code });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('retry-after')).toBe(status === 503 ? '2' : null);
  });

  it('answers a preflight without a token', async () => {
    for (const path of ['/api/queue-job', '/nothing']) {
      const response = await fetch(`${kit.url}${path}`, { method: 'OPTIONS' });
      expect(response.status).toBe(200);
      expect(response.headers.get('access-control-allow-headers')).toBe(
        'authorization, x-client-info, apikey, content-type, idempotency-key, last-event-id',
      );
      expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST, PATCH, DELETE, OPTIONS');
    }
  });

  it('shows everybody the catalogue, health and metrics', async () => {
    const { jobTypes } = await read<{ jobTypes: { jobType: string }[] }>(fetch(`${kit.url}/api/job-types`));
    expect(jobTypes.map(({ jobType }) => jobType)).toEqual(JOB_TYPES);
    expect((await fetch(`${kit.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${kit.url}/health/ready`)).status).toBe(200);
    const metrics = await (await fetch(`${kit.url}/metrics`)).text();
    expect(metrics).toContain('ourvidz_http_request_duration_seconds_bucket');
    expect(metrics).toContain('route="/api/queue-job"');
    expect(metrics).not.toContain('%E0');
  });
});

describe('cancelling a job', () => {
  const cancel = async (id: string, userId = 'alice') =>
    fetch(`${kit.url}/api/jobs/${id}/cancel`, { method: 'POST', headers: await authorization(userId) });

  it('ends it, once and for all', async () => {
    const { id } = await queued(kit.url);
    expect((await cancel(id, 'mallory')).status).toBe(404);
    expect(await read<JobView>(cancel(id))).toMatchObject({ id, status: 'cancelled', estimatedSeconds: null });
    const again = await fetch(`${kit.url}/api/jobs/${id}`, { method: 'DELETE', headers: await authorization() });
    expect([again.status, (await read<JobView>(again)).status]).toEqual([200, 'cancelled']);
  });

  it('comes too late when it is done', async () => {
    const { id } = await queued(kit.url);
    await new TestWorker(kit.jobs, kit.folder).make(id, 1);
    const response = await cancel(id);
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ code: 'already_ended' });
  });
});

describe('a gateway that stops', () => {
  it('does not wait for connections that nobody uses', async () => {
    const other = await kit.startAnother();
    const { port, hostname } = new URL(other.url);
    const unused = connect(Number(port), hostname);
    await once(unused, 'connect');
    const closed = once(unused, 'close');
    const startedAt = Date.now();
    await Promise.all([other.stop(), closed]);
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });
});

describe('another user', () => {
  it('has neither the job nor its assets', async () => {
    const job = await queued(kit.url);
    await new TestWorker(kit.jobs, kit.folder).make(job.id, 1);
    const assetId = job.id.replace(/0$/, '1');
    for (const path of [`/api/jobs/${job.id}`, `/api/jobs/${job.id}/events`, `/api/assets/${assetId}`]) {
      expect((await get(kit.url, path, 'mallory')).status).toBe(404);
      const own = await get(kit.url, path);
      expect(own.status).toBe(200);
      await own.body?.cancel();
    }
    const headers = await authorization('mallory');
    expect((await fetch(`${kit.url}/api/assets/${assetId}`, { method: 'DELETE', headers })).status).toBe(404);
  });
});

describe('GET /api/queue-status', () => {
  it('counts own jobs when they can be counted', async () => {
    const without = await read<QueueStatusAnswer>(get(kit.url, '/api/queue-status'));
    expect(without).toMatchObject({ queueDepth: expect.any(Number), mine: null });
    expect(without.queues.sdxl_queue).toMatchObject({ waiting: expect.any(Number), workers: 0 });
    const stop = await kit.answerQueries({ 'jobs.open': () => ({ waiting: 2, processing: 1 }) });
    const answer = await read<QueueStatusAnswer>(get(kit.url, '/api/queue-status'));
    expect(answer.mine).toEqual({ waiting: 2, processing: 1 });
    stop();
  });
});

describe('a token', () => {
  const status = async (token: string) => {
    const response = await fetch(`${kit.url}/api/queue-status`, { headers: { authorization: `Bearer ${token}` } });
    if (response.status !== 200) expect(await response.json()).toMatchObject({ code: 'invalid_token' });
    return response.status;
  };
  const now = Math.floor(Date.now() / 1000);

  it('is taken while it is good', async () => {
    expect(await status(await tokenFor('alice', { exp: now + 60, nbf: now - 60 }))).toBe(200);
    expect(await status(await tokenFor('x'.repeat(255)))).toBe(200);
  });

  it.each([
    ['expired', { exp: now - 60 }],
    ['not yet valid', { nbf: now + 60 }],
    ['without a user', { sub: undefined }],
    ['with an empty user', { sub: '' }],
    ['with a user that is a number', { sub: 7 }],
    ['with too long a user', { sub: 'x'.repeat(256) }],
    ['with a NUL in the user', { sub: 'a\0b' }],
  ])('is refused %s', async (_, claims) => {
    expect(await status(await tokenFor('alice', claims))).toBe(401);
  });

  it('is refused with another signature, none, or a broken form', async () => {
    const token = await tokenFor('alice');
    const [, payload] = token.split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    for (const wrong of [`${none}.${payload}.`, `${token}x`, `${token.slice(0, -4)}AAAA`, 'x', 'a.b.c', '..']) {
      expect(await status(wrong)).toBe(401);
    }
  });
});
