/** The reference's edge functions: insert into Postgres, LPUSH to Redis; and the callback by which workers report. */
import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { Redis } from 'ioredis';
import pg from 'pg';
import { announce, setting } from '../reporter.js';

interface Callback {
  readonly jobId: string;
  readonly status: 'processing' | 'completed';
}

const database = new pg.Pool({ connectionString: setting('DATABASE_URL'), max: 20 });
const redis = new Redis({ host: '127.0.0.1', port: Number(setting('REDIS_PORT')) });
await database.query(`create table if not exists jobs (
  id uuid primary key, status text not null, prompt text not null,
  created_at timestamptz not null default now(), started_at timestamptz, completed_at timestamptz)`);

const server = Fastify();

server.post('/queue-job', async (request) => {
  const { prompt } = request.body as { prompt: string };
  const id = randomUUID();
  await database.query(`insert into jobs (id, status, prompt) values ($1, 'queued', $2)`, [id, prompt]);
  await redis.lpush('sdxl_queue', JSON.stringify({ id, prompt }));
  return { id };
});

server.post('/job-callback', async (request) => {
  const { jobId, status } = request.body as Callback;
  const time = status === 'processing' ? 'started_at' : 'completed_at';
  await database.query(`update jobs set status = $2, ${time} = now() where id = $1`, [jobId, status]);
  return { success: true };
});

await server.listen({ host: '127.0.0.1', port: Number(setting('PORT')) });
announce();
