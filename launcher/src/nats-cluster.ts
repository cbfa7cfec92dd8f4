import { join } from 'node:path';
import { freePorts } from './free-port.js';
import { type NatsServer, type NatsServerOptions, startNatsServer } from './nats-server.js';
import { pollUntil } from './poll.js';

/** How to run a cluster on one machine; each member gets a folder of its own in `storeDir`. */
export interface NatsClusterOptions extends Omit<NatsServerOptions, 'port' | 'cluster' | 'monitoring' | 'logFile'> {
  /** Default 3. */
  size?: number;
}

/** Several servers that form one JetStream cluster. */
export interface NatsCluster {
  members: NatsServer[];
  /** The members' addresses. */
  urls: string[];
  /** Waits until `members` (default: the running ones) agree on a living meta leader; the member that leads. */
  leader(members?: NatsServer[]): Promise<NatsServer>;
  /** Stops all members. */
  stop(): Promise<void>;
}

const LEADER_TIMEOUT_MS = 30_000;

/** Starts the members together and waits until they have elected a meta leader. */
export async function startNatsCluster(options: NatsClusterOptions): Promise<NatsCluster> {
  const ports = await freePorts(options.size ?? 3);
  const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`);
  const started = await Promise.allSettled(ports.map((port, index) => startMember(options, index, port, routes)));
  const members = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  try {
    for (const result of started) if (result.status === 'rejected') throw result.reason;
    await findLeader(members, members);
  } catch (error) {
    await stopAll(members);
    throw error;
  }
  return clusterOf(members);
}

function clusterOf(members: NatsServer[]): NatsCluster {
  return {
    members,
    urls: members.map((member) => member.url),
    leader: (asked = members.filter((member) => member.running)) => findLeader(members, asked),
    stop: () => stopAll(members),
  };
}

function startMember(options: NatsClusterOptions, index: number, port: number, routes: string[]): Promise<NatsServer> {
  const serverName = memberName(index);
  const cluster = { name: 'ourvidz', serverName, port, routes };
  return startNatsServer({ ...options, storeDir: join(options.storeDir, serverName), cluster });
}

function memberName(index: number): string {
  return `member-${index + 1}`;
}

async function stopAll(members: NatsServer[]): Promise<void> {
  await Promise.all(members.map((member) => member.stop()));
}

/** The members in `all` are named after their places. */
function findLeader(all: NatsServer[], asked: NatsServer[]): Promise<NatsServer> {
  return pollUntil('a meta leader', LEADER_TIMEOUT_MS, async () => {
    const views = await Promise.all(asked.map(metaGroupSeenBy));
    const [name] = views.map((view) => view?.leader);
    const leader = all.find((_, index) => memberName(index) === name);
    if (!leader || views.some((view) => view?.leader !== name)) return undefined;
    // Until the leader has heard of its followers it refuses to place a replicated stream.
    const followers = views[asked.indexOf(leader)]?.replicas?.filter((replica) => replica.current && !replica.offline);
    return (followers?.length ?? 0) >= asked.length - 1 ? leader : undefined;
  });
}

interface MetaGroup {
  leader?: string;
  replicas?: { current: boolean; offline?: boolean }[];
}

/** A member that is starting does not answer yet, or answers without a meta group. */
async function metaGroupSeenBy(member: NatsServer): Promise<MetaGroup | undefined> {
  const response = await fetch(`${member.monitoringUrl}/jsz`).catch(() => undefined);
  if (!response?.ok) return undefined;
  const { meta_cluster: group } = (await response.json()) as { meta_cluster?: MetaGroup };
  return group;
}
