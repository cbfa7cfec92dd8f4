import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScratchFolder, scratchFolder } from '../../test/support/scratch-folder.js';
import { pollUntil } from './poll.js';
import type { ServiceProcess } from './service-process.js';
import { SupervisedService } from './supervised-service.js';

let folder: ScratchFolder;
let service: SupervisedService | undefined;
let started: ServiceProcess[];
let reports: string[];

beforeEach(async () => {
  folder = await scratchFolder();
  [started, reports] = [[], []];
});

afterEach(async () => {
  service?.kill();
  await folder.remove();
});

async function supervise(script: string): Promise<SupervisedService> {
  const entry = join(folder.path, 'service.cjs');
  await writeFile(entry, script);
  const command = { name: 'a service', entry, nodeFlags: [], cwd: folder.path, environment: {} };
  service = new SupervisedService(command, {
    started: (process) => started.push(process),
    report: (message) => reports.push(message),
  });
  return service;
}

const READY = 'process.send({ ready: true });';
const RUN = 'setInterval(() => {}, 1000);';

describe('SupervisedService', () => {
  it('when the service is ready and told to stop › ends it in order', async () => {
    const running = await supervise(`${READY} ${RUN}`);
    await running.ready;
    await running.stop();
    expect(await started[0]?.ended).toEqual({ code: null, signal: 'SIGTERM' });
    expect(reports).toEqual([]);
  });

  it('when the service crashes › says so and starts it again', async () => {
    const running = await supervise(`${READY} ${RUN}`);
    await running.ready;
    started[0]?.kill();
    await pollUntil('another process', 5_000, async () => started[1]);
    expect(reports).toEqual(['a service was ended by SIGKILL; it is started again in 1 s']);
    await running.stop();
  });

  it('when its configuration is wrong › gives up', async () => {
    const running = await supervise('process.exit(78)');
    await expect(running.ready).rejects.toThrow('a service is not configured correctly');
    await running.stop();
    expect(started).toHaveLength(1);
  });

  it('when told to stop while it waits to start it again › does not wait', async () => {
    const running = await supervise('process.exit(1)');
    await pollUntil('the report', 5_000, async () => reports[0]);
    await running.stop();
    expect(started).toHaveLength(1);
  });
});
