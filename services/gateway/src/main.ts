import 'reflect-metadata';
import { createLog } from '#service-kit/log.js';
import { announceReady, runService, stopOnSignal } from '#service-kit/process-lifecycle.js';
import { readConfiguration } from './configuration.js';
import { startGateway } from './gateway.js';

/** Of the 10 s that a stop may take, the last one is for the exit itself. */
const STOP_LIMIT_MS = 9_000;

let log = createLog('gateway', 'info');

async function main(): Promise<void> {
  const configuration = readConfiguration(process.env);
  log = createLog('gateway', configuration.logLevel);
  const gateway = await startGateway(configuration, log);
  stopOnSignal(log, STOP_LIMIT_MS, () => gateway.stop());
  // Without NATS for good there is nothing to serve: whoever started this process starts it anew.
  void gateway.lost.then((error) => {
    if (error) throw error;
  });
  log.info({ url: gateway.url }, 'listening');
  announceReady(log, { url: gateway.url });
}

runService(() => log, main);
