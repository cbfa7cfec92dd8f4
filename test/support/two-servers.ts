/** Run as a process of its own by `servers.spec.ts`, which kills it: starts two servers and tells where they are. */
import { basename, join } from 'node:path';
import { startNatsServer } from '#launcher/nats-server.js';
import { startPostgres } from '#launcher/postgres-server.js';
import { scratchFolder } from './scratch-folder.js';

const folder = await scratchFolder();
const [binary = ''] = process.argv.slice(2);
const nats = await startNatsServer({ binary, storeDir: join(folder.path, 'nats'), orphanSignal: 'SIGKILL' });
const postgres = await startPostgres({
  dataDir: join(folder.path, 'postgres'),
  durable: false,
  orphanSignal: 'SIGQUIT',
});
process.stdout.write(`${nats.pid} ${postgres.pid} ${basename(folder.path)}\n`);
