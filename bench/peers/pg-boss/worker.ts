/** A pg-boss worker; the job takes no time. `MODE` chooses among what its documentation offers. */
import { PgBoss } from 'pg-boss';
import { announce, begun, ended, setting } from '../reporter.js';

const QUEUE = 'pictures';
const IDLE_MS = 500;

const mode = setting('MODE');
const boss = new PgBoss({ connectionString: setting('DATABASE_URL'), useListenNotify: mode === 'work' });
boss.on('error', (error) => void process.stderr.write(`pg-boss: ${error.message}\n`));
await boss.start();
announce();
await (mode === 'work' ? work() : fetchLoop());

/** `work()` looks for a job every two seconds, and at once when it is notified. Its own completion follows the handler. */
async function work(): Promise<void> {
  await boss.work(QUEUE, async ([job]) => {
    begun(job?.id ?? '');
    ended();
  });
}

/** `fetch()` and `complete()` by hand, as fast as they go: `work()` would wait between two jobs. */
async function fetchLoop(): Promise<never> {
  for (;;) {
    const [job] = await boss.fetch(QUEUE);
    if (job) {
      begun(job.id);
      await boss.complete(QUEUE, job.id);
      ended();
    } else await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  }
}
