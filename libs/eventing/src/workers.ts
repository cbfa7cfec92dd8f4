/** Which workers are there: each says so on core NATS every few seconds; who is silent for long is gone. */
import type { EngineName } from '#contracts/streams.js';
import { workerSubject } from '#contracts/subjects.js';
import type { WorkerPresence } from '#contracts/worker-presence.js';
import type { Bus } from './bus.js';

export const PRESENCE_INTERVAL_MS = 5_000;
const GONE_AFTER_MS = 3 * PRESENCE_INTERVAL_MS;

export function announceWorker(bus: Bus, presence: WorkerPresence): void {
  if (bus.isConnected()) bus.nc.publish(workerSubject(presence.engine, presence.worker), JSON.stringify(presence));
}

export interface HeardWorker extends WorkerPresence {
  /** When it was heard last, ISO 8601. */
  readonly heardAt: string;
}

/** The workers that were heard lately. */
export class WorkerRoster {
  private readonly heard = new Map<string, { at: number; presence: WorkerPresence }>();
  private readonly stop: () => void;

  constructor(bus: Bus) {
    this.stop = bus.listen(workerSubject('*', '*'), (message) => this.hear(message.json<WorkerPresence>()));
  }

  list(): readonly HeardWorker[] {
    const oldest = Date.now() - GONE_AFTER_MS;
    for (const [worker, { at }] of this.heard) if (at < oldest) this.heard.delete(worker);
    return [...this.heard.values()].map(({ at, presence }) => ({ ...presence, heardAt: new Date(at).toISOString() }));
  }

  /** How many workers an engine has. */
  count(engine: EngineName): number {
    return this.list().filter((presence) => presence.engine === engine).length;
  }

  close(): void {
    this.stop();
  }

  private hear(presence: WorkerPresence): void {
    if (presence.state === 'leaving') this.heard.delete(presence.worker);
    else this.heard.set(presence.worker, { at: Date.now(), presence });
  }
}
