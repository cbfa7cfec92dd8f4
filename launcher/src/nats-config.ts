import { join } from 'node:path';

/** A server's place in a cluster. */
export interface NatsClusterMember {
  /** Name of the cluster, the same in all members. */
  name: string;
  /** Name of this member, different in all of them. */
  serverName: string;
  /** Port on which the other members reach this one. */
  port: number;
  /** `nats-route://host:port` of every member. */
  routes: string[];
}

/** What goes into the configuration file of a server. */
export interface NatsConfig {
  folder: string;
  host: string;
  /** -1 lets the server choose. */
  port: number;
  /** Port of the HTTP monitoring; -1 lets the server choose, undefined switches it off. */
  monitoringPort?: number;
  /** Configuration text that defines users: an `authorization { … }` or `accounts { … }` block. */
  authorization?: string;
  /** `always` flushes each message to the disk before it is acknowledged; else a duration such as `2m`. */
  syncInterval: string;
  /** Largest message in bytes. */
  maxPayload?: number;
  /** Limits of JetStream's memory and files, in bytes. */
  jetstream?: { maxMemory?: number; maxFile?: number };
  cluster?: NatsClusterMember;
}

/** Renders the file that `nats-server -c` reads. JSON strings and numbers are valid values of its format. */
export function renderNatsConfig(config: NatsConfig): string {
  const { host, port, monitoringPort, maxPayload } = config;
  return [
    setting('listen', `${host}:${port}`),
    setting('pid_file', natsPidFile(config.folder)),
    setting('ports_file_dir', natsPortsFolder(config.folder)),
    monitoringPort === undefined ? '' : setting('http', `${host}:${monitoringPort}`),
    maxPayload === undefined ? '' : setting('max_payload', maxPayload),
    jetstreamBlock(config),
    config.cluster ? clusterBlock(config.cluster, host) : '',
    config.authorization ?? '',
  ]
    .filter((part) => part !== '')
    .join('\n')
    .concat('\n');
}

/** Where the server notes its process id. */
export function natsPidFile(folder: string): string {
  return join(folder, 'nats.pid');
}

/** Where the server notes the ports it listens on. */
export function natsPortsFolder(folder: string): string {
  return join(folder, 'ports');
}

function setting(name: string, value: string | number): string {
  return `${name}: ${JSON.stringify(value)}`;
}

function jetstreamBlock({ folder, syncInterval, jetstream }: NatsConfig): string {
  const lines = [setting('store_dir', folder), setting('sync_interval', syncInterval)];
  if (jetstream?.maxMemory !== undefined) lines.push(setting('max_memory_store', jetstream.maxMemory));
  if (jetstream?.maxFile !== undefined) lines.push(setting('max_file_store', jetstream.maxFile));
  return `jetstream {\n  ${lines.join('\n  ')}\n}`;
}

function clusterBlock({ name, serverName, port, routes }: NatsClusterMember, host: string): string {
  const lines = [setting('name', name), setting('listen', `${host}:${port}`), `routes: ${JSON.stringify(routes)}`];
  return `${setting('server_name', serverName)}\ncluster {\n  ${lines.join('\n  ')}\n}`;
}
