/** A BullMQ worker as its guide sets one up; the job takes no time. */
import { Worker } from 'bullmq';
import { announce, begun, ended, setting } from '../reporter.js';

const connection = { host: '127.0.0.1', port: Number(setting('REDIS_PORT')), maxRetriesPerRequest: null };
const worker = new Worker('pictures', async ({ id = '' }) => begun(id), { connection });
worker.on('completed', () => ended());
worker.on('error', (error) => void process.stderr.write(`BullMQ: ${error.message}\n`));
await worker.waitUntilReady();
announce();
