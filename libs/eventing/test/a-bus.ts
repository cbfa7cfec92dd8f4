import { pino } from 'pino';
import type { ServiceName } from '#contracts/rights.js';
import { type Bus, type BusOptions, connectBus } from '#eventing/bus.js';
import { pause } from '#eventing/pause.js';
import { createTopology } from '#eventing/topology.js';
import { createLog } from '#service-kit/log.js';
import { type OwnNatsOptions, type OwnTestNats, testNats } from '../../../test/support/servers.js';
import { SIZE } from './a-job.js';

const silent = createLog('test', 'silent');

/** A server with the streams and consumers on it, and a connection of the jobs service. */
export interface Installation {
  readonly nats: OwnTestNats;
  readonly bus: Bus;
  /** Another connection, closed with the rest. */
  connect(service?: ServiceName, over?: Partial<BusOptions>): Promise<Bus>;
  close(): Promise<void>;
}

export async function anInstallation(options: OwnNatsOptions = {}): Promise<Installation> {
  const nats = await testNats(options);
  const opened: Bus[] = [];
  const connect = async (service: ServiceName = 'jobs', over: Partial<BusOptions> = {}) => {
    const bus = await connectBus({ url: nats.url, service, log: silent, ...over });
    opened.push(bus);
    return bus;
  };
  const bus = await connect();
  await createTopology(bus, SIZE);
  const close = async () => {
    await Promise.all(opened.map((each) => each.close()));
    await nats.close();
  };
  return { nats, bus, connect, close };
}

/** Freezes the server and waits until it really says nothing any more: the signal takes its time. */
export async function freeze({ nats, bus }: Pick<Installation, 'nats' | 'bus'>): Promise<void> {
  nats.server.pause();
  const answers = () => Promise.race([bus.nc.flush().then(() => true), pause(100).then(() => false)]);
  while (await answers());
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly err?: { readonly message: string };
}

/** A log that keeps its lines. */
export function aLog() {
  const lines: LogLine[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}
