/** The whole platform, two or three of everything, in such a way that each part of it can fail. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceName } from '#contracts/rights.js';
import { freePort } from '#launcher/free-port.js';
import { type PostgresServer, startPostgres } from '#launcher/postgres-server.js';
import { Platform } from '../support/platform.js';
import { type ScratchFolder, scratchFolder } from '../support/scratch-folder.js';
import { AssetVolume } from './asset-volume.js';
import type { Targets } from './fault-schedule.js';
import { FaultyNetwork } from './faulty-network.js';
import { ServiceSlot } from './service-slot.js';

/** How long the engine of each worker takes for a job: one as fast as it can, others so that faults hit in mid-job. */
const ENGINES_MS = [0, 80, 250];
const COPIES = 2;
/** Longer than any job here takes. */
const DRAIN_SECONDS = '5';

export class Stage {
  private constructor(
    readonly platform: Platform,
    readonly postgres: PostgresServer,
    readonly assets: AssetVolume,
    readonly slots: ReadonlyMap<string, ServiceSlot>,
    /** Addresses of the gateways. */
    readonly gatewayUrls: readonly string[],
    private readonly folders: readonly ScratchFolder[],
  ) {}

  /** Starts the servers and services and waits until all of them are ready. */
  static async open(ownMounts: boolean): Promise<Stage> {
    const database = await scratchFolder();
    const postgres = await startPostgres({ dataDir: database.path, orphanSignal: 'SIGQUIT' });
    const nats = { syncInterval: 'always' };
    const platform = await Platform.prepare({ databaseUrl: postgres.url, nats });
    const disk = await scratchFolder();
    const assets = await AssetVolume.create(disk.path, ownMounts);
    const ports = await Promise.all(Array.from({ length: COPIES }, () => freePort()));
    const slots = await slotsFor(platform, assets, ports);
    const urls = ports.map((port) => `http://127.0.0.1:${port}`);
    const stage = new Stage(platform, postgres, assets, slots, urls, [database, disk]);
    for (const slot of slots.values()) slot.start();
    await stage.ready();
    return stage;
  }

  get targets(): Targets {
    const names = [...this.slots.keys()];
    const of = (prefix: string) => names.filter((name) => name.startsWith(prefix));
    return { gateways: of('gateway'), jobs: of('jobs'), workers: of('worker') };
  }

  slot(name: string): ServiceSlot {
    const slot = this.slots.get(name);
    if (!slot) throw new Error(`there is no ${name}`);
    return slot;
  }

  async ready(): Promise<void> {
    await Promise.all([...this.slots.values()].map((slot) => slot.ready()));
  }

  /** Tells every service to stop, and waits until all have. */
  async stopServices(): Promise<void> {
    await Promise.all([...this.slots.values()].map((slot) => slot.terminate()));
  }

  async close(): Promise<void> {
    for (const { settings } of this.slots.values()) await settings.network.close();
    await this.assets.close();
    await this.platform.close();
    await this.postgres.stop();
    for (const folder of this.folders) await folder.remove();
  }
}

async function slotsFor(platform: Platform, assets: AssetVolume, gatewayPorts: readonly number[]) {
  const slots = new Map<string, ServiceSlot>();
  const logs = join(platform.folder.path, 'logs');
  await mkdir(logs);
  const add = async (name: string, service: ServiceName, environment: Record<string, string>) => {
    const network = await FaultyNetwork.to(platform.nats.server.port);
    const logFile = join(logs, `${name}.txt`);
    slots.set(name, new ServiceSlot(platform, { name, service, network, environment, logFile }));
  };
  const store = { ASSET_STORE: `file:${assets.root}` };
  for (let copy = 1; copy <= COPIES; copy++) await add(`jobs-${copy}`, 'jobs', {});
  for (const [at, port] of gatewayPorts.entries())
    await add(`gateway-${at + 1}`, 'gateway', { ...store, PORT: String(port) });
  for (const [at, ms] of ENGINES_MS.entries()) {
    const pace = { PREVIEW_DURATION_MS: String(ms), DRAIN_SECONDS };
    await add(`worker-${at + 1}`, 'sdxl-worker', { ...store, ...pace });
  }
  return slots;
}
