/** pg-boss: jobs in Postgres. */
import { PgBoss } from 'pg-boss';
import { startPostgres } from '#launcher/postgres-server.js';
import { benchFolder } from '../../src/bench-folder.js';
import type { QueueSystem } from '../../src/queue-system.js';
import { WorkerProcesses } from '../worker-processes.js';

const QUEUE = 'pictures';

/** @param mode `work`: its own worker, woken by NOTIFY. `fetch`: a loop of `fetch()` and `complete()`, which is faster. */
export async function startPgBoss(slots: number, mode: 'work' | 'fetch'): Promise<QueueSystem> {
  const folder = await benchFolder();
  const postgres = await startPostgres({ dataDir: folder.path });
  const boss = new PgBoss({ connectionString: postgres.url });
  boss.on('error', (error) => void process.stderr.write(`pg-boss: ${error.message}\n`));
  await boss.start();
  await boss.createQueue(QUEUE, { notify: mode === 'work' });
  const environment = { DATABASE_URL: postgres.url, MODE: mode };
  const workers = await WorkerProcesses.start('peers/pg-boss/worker.ts', slots, environment);
  return {
    name: `pg-boss, ${mode === 'work' ? 'work() with notify' : 'fetch() loop'}`,
    durability: 'synchronous_commit on, fsync on',
    submit: async () => (await boss.send(QUEUE, { prompt: 'A quiet harbour at dawn' })) ?? '',
    listen: (listener) => workers.listen(listener),
    close: async () => {
      await workers.stop();
      await boss.stop({ graceful: false });
      await postgres.stop();
      await folder.remove();
    },
  };
}
