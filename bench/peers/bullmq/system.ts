/** BullMQ: jobs in Redis. */
import { Queue } from 'bullmq';
import { benchFolder } from '../../src/bench-folder.js';
import type { QueueSystem } from '../../src/queue-system.js';
import { type Fsync, startRedis } from '../redis-server.js';
import { WorkerProcesses } from '../worker-processes.js';

export async function startBullMq(slots: number, fsync: Fsync): Promise<QueueSystem> {
  const folder = await benchFolder();
  const redis = await startRedis(folder.path, fsync);
  const queue = new Queue('pictures', { connection: { host: '127.0.0.1', port: redis.port } });
  await queue.waitUntilReady();
  const workers = await WorkerProcesses.start('peers/bullmq/worker.ts', slots, { REDIS_PORT: String(redis.port) });
  return {
    name: 'BullMQ',
    durability: `appendonly yes, appendfsync ${fsync}`,
    submit: async () => (await queue.add('picture', { prompt: 'A quiet harbour at dawn' })).id ?? '',
    listen: (listener) => workers.listen(listener),
    close: async () => {
      await workers.stop();
      await queue.close();
      await redis.stop();
      await folder.remove();
    },
  };
}
