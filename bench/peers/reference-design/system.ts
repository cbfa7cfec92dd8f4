/** The design that OurVidz replaces: a row in Postgres, a list in Redis, workers that poll and call back. */
import { Pool } from 'undici';
import { freePort } from '#launcher/free-port.js';
import { startPostgres } from '#launcher/postgres-server.js';
import { benchFolder } from '../../src/bench-folder.js';
import { BenchProcess } from '../../src/child-process.js';
import type { QueueSystem } from '../../src/queue-system.js';
import { type Fsync, startRedis } from '../redis-server.js';
import { WorkerProcesses } from '../worker-processes.js';

export async function startReferenceDesign(slots: number, fsync: Fsync): Promise<QueueSystem> {
  const folder = await benchFolder();
  const postgres = await startPostgres({ dataDir: folder.path });
  const redis = await startRedis(folder.path, fsync);
  const port = String(await freePort());
  const environment = { DATABASE_URL: postgres.url, REDIS_PORT: String(redis.port), PORT: port };
  const api = await BenchProcess.start('peers/reference-design/api.ts', environment);
  const url = `http://127.0.0.1:${port}`;
  const workers = await WorkerProcesses.start('peers/reference-design/worker.ts', slots, {
    ...environment,
    API_URL: url,
  });
  const client = new Pool(url, { connections: 64, pipelining: 1 });
  return {
    name: 'the reference’s design',
    durability: `Postgres synchronous_commit on, Redis appendfsync ${fsync}; a popped job is in no queue`,
    submit: () => submit(client),
    listen: (listener) => workers.listen(listener),
    close: async () => {
      await workers.stop();
      await client.close();
      await api.stop();
      await redis.stop();
      await postgres.stop();
      await folder.remove();
    },
  };
}

async function submit(client: Pool): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ prompt: 'A quiet harbour at dawn' });
  const answer = await client.request({ method: 'POST', path: '/queue-job', headers, body });
  return ((await answer.body.json()) as { id: string }).id;
}
