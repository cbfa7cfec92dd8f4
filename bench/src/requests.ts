/** What the benchmark asks for. */
import type { BenchPlatform } from './bench-platform.js';
import type { Shot } from './http-load.js';

/**
 * So many users take turns: some of a gateway's memories help with few of them only, and a user with hundreds of open
 * jobs, of which each account event tells, is none of this world.
 */
const USERS = 2_000;

/** The body of a job of an ordinary length. */
export function jobBody(count: number, tag = ''): string {
  const prompt = `A quiet harbour at dawn, fishing boats, thin fog over the water, warm light from one window ${tag}`;
  return JSON.stringify({ jobType: 'sdxl_image_fast', metadata: { prompt, count, seed: 7 } });
}

/** Endless requests of jobs, by many users in turn. */
export async function jobShots(platform: BenchPlatform, count = 1): Promise<() => Shot> {
  const tokens = await Promise.all(Array.from({ length: USERS }, (_, user) => platform.token(`user-${user}`)));
  const headers = tokens.map((token) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' }));
  const body = jobBody(count);
  let next = 0;
  return () => {
    next += 1;
    return { method: 'POST', path: '/api/queue-job', headers: headers[next % USERS] ?? {}, body };
  };
}
