import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '#service-kit/environment.js';
import { createLog, type Log } from '#service-kit/log.js';
import { type Configuration, readConfiguration } from './configuration.js';
import { JobsProcess } from './jobs-process.js';

const STOP_LIMIT_MS = 8_000;

/** Without an argument the service runs until a signal; `migrate` prepares database and streams and ends. */
async function main(): Promise<void> {
  const configuration = readConfiguration(process.env);
  const log = createLog('jobs', configuration.logLevel);
  const jobs = new JobsProcess(configuration, { credentials: await credentialsOf(configuration), log });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(jobs, log, 0));
  try {
    if (process.argv[2] === 'migrate') await migrateOnly(jobs, log);
    else await serve(jobs, log);
  } catch (error) {
    log.fatal({ err: error }, 'the jobs service cannot run');
    await stop(jobs, log, 1);
  }
}

async function credentialsOf({ natsCredentialsFile }: Configuration): Promise<string | undefined> {
  return natsCredentialsFile === undefined ? undefined : readFile(natsCredentialsFile, 'utf8');
}

async function serve(jobs: JobsProcess, log: Log): Promise<void> {
  await jobs.start();
  log.info('ready');
  process.send?.({ ready: true });
  const error = await jobs.connectionClosed();
  if (error) throw error;
}

async function migrateOnly(jobs: JobsProcess, log: Log): Promise<void> {
  await jobs.prepare();
  log.info('database and streams are prepared');
  await stop(jobs, log, 0);
}

let stopped = false;

/** Ends the process with this code, in order if that does not take too long. */
async function stop(jobs: JobsProcess, log: Log, code: number): Promise<void> {
  if (stopped) return;
  stopped = true;
  setTimeout(() => process.exit(code), STOP_LIMIT_MS).unref();
  await jobs.stop().catch((error: unknown) => log.error({ err: error }, 'stopping failed'));
  process.exit(code);
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigurationError ? error.message : error);
  process.exit(1);
});
