import 'reflect-metadata';
import { createLog } from '#service-kit/log.js';
import { announceReady, runService, stopOnSignal } from '#service-kit/process-lifecycle.js';
import { readConfiguration } from './configuration.js';
import { JobsProcess } from './jobs-process.js';

const STOP_LIMIT_MS = 8_000;

let log = createLog('jobs', 'info');

/** Without an argument the service runs until a signal; `migrate` prepares database and streams and ends. */
async function main(): Promise<void> {
  const configuration = readConfiguration(process.env);
  log = createLog('jobs', configuration.logLevel);
  const jobs = new JobsProcess(configuration, log);
  stopOnSignal(log, STOP_LIMIT_MS, () => jobs.stop());
  await (process.argv[2] === 'migrate' ? migrateOnly(jobs) : serve(jobs));
}

async function serve(jobs: JobsProcess): Promise<void> {
  await jobs.start();
  announceReady(log);
  const error = await jobs.connectionClosed();
  if (error) throw error;
}

async function migrateOnly(jobs: JobsProcess): Promise<void> {
  await jobs.prepare();
  log.info('database and streams are prepared');
  await jobs.stop();
  process.exit(0);
}

runService(() => log, main);
