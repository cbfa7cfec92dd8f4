/** The reference's worker: RPOP; when the queue is empty it looks again after two seconds. */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Pool } from 'undici';
import { announce, begun, ended, setting } from '../reporter.js';

const POLL_MS = 2_000;

const redis = new Redis({ host: '127.0.0.1', port: Number(setting('REDIS_PORT')) });
const api = new Pool(setting('API_URL'), { connections: 1 });
announce();

async function callBack(jobId: string, status: 'processing' | 'completed'): Promise<void> {
  const body = JSON.stringify({ jobId, status });
  const headers = { 'content-type': 'application/json' };
  const answer = await api.request({ method: 'POST', path: '/job-callback', headers, body });
  if (answer.statusCode !== 200) throw new Error(`the callback was refused: ${answer.statusCode}`);
  await answer.body.dump();
}

for (;;) {
  const popped = await redis.rpop('sdxl_queue');
  if (popped === null) {
    await delay(POLL_MS);
    continue;
  }
  const { id } = JSON.parse(popped) as { id: string };
  begun(id);
  await callBack(id, 'processing');
  await callBack(id, 'completed');
  ended();
}
