/** Carries out the faults of a schedule, each at its time, and makes good for each afterwards. */
import { setTimeout as delay } from 'node:timers/promises';
import { ASSETS, type Fault, NATS, POSTGRES } from './fault-schedule.js';
import { freeze } from './process-family.js';
import type { ServiceSlot } from './service-slot.js';
import type { Stage } from './stage.js';

/** A fault that was carried out. Times in milliseconds since 1970. */
export interface FaultDone extends Fault {
  readonly beganAt: number;
  /** When what was hit ran again. */
  readonly endedAt: number;
}

/** A server that is started again on its data. */
interface Server {
  readonly pid: number;
  kill(signal?: 'SIGKILL'): Promise<void>;
  stop(): Promise<void>;
  restart(): Promise<void>;
}

export class FaultRunner {
  readonly done: FaultDone[] = [];
  /** What is done to one target is done one after the other. */
  private readonly busy = new Map<string, Promise<void>>();

  constructor(
    private readonly stage: Stage,
    private readonly tell: (message: string) => void,
  ) {}

  /** Resolves when all of it is over and everything runs again. */
  async run(faults: readonly Fault[]): Promise<void> {
    const startedAt = Date.now();
    for (const fault of faults) {
      await delay(Math.max(0, startedAt + fault.atMs - Date.now()));
      const earlier = this.busy.get(fault.target) ?? Promise.resolve();
      const running = earlier.then(() => this.carryOut(fault));
      this.busy.set(fault.target, running);
    }
    await Promise.all(this.busy.values());
    await this.stage.ready();
  }

  private async carryOut(fault: Fault): Promise<void> {
    const beganAt = Date.now();
    await this.hit(fault);
    const endedAt = Date.now();
    this.done.push({ ...fault, beganAt, endedAt });
    this.tell(`${fault.kind} ${fault.target}, over after ${endedAt - beganAt} ms`);
  }

  private hit(fault: Fault): Promise<void> {
    if (fault.target === ASSETS) return this.hitDisk(fault);
    if (fault.target === NATS) return this.hitServer(this.stage.platform.nats.server, fault);
    if (fault.target === POSTGRES) return this.hitServer(this.stage.postgres, fault);
    return this.hitService(this.stage.slot(fault.target), fault);
  }

  private async hitService(slot: ServiceSlot, { kind, lastsMs }: Fault): Promise<void> {
    const { network } = slot.settings;
    if (kind === 'pause') return paused(slot.pid, lastsMs);
    if (kind === 'cut off') network.cutOff();
    if (kind === 'black hole') network.blackHole();
    if (kind === 'kill') await slot.kill();
    if (kind === 'terminate') await slot.terminate();
    await delay(lastsMs);
    network.mend();
    if (kind !== 'kill' && kind !== 'terminate') return;
    slot.start();
    await slot.ready();
  }

  private async hitServer(server: Server, { kind, lastsMs }: Fault): Promise<void> {
    if (kind === 'pause') return paused(server.pid, lastsMs);
    if (kind === 'kill') await server.kill('SIGKILL');
    else await server.stop();
    await delay(lastsMs);
    await server.restart();
  }

  private async hitDisk({ kind, lastsMs }: Fault): Promise<void> {
    const { assets } = this.stage;
    if (kind === 'disk full') await assets.fill();
    else if (kind === 'disk read-only') await assets.makeReadOnly();
    else await assets.vanish();
    await delay(lastsMs);
    await assets.mend();
  }
}

async function paused(pid: number, ms: number): Promise<void> {
  const goOn = await freeze(pid);
  await delay(ms);
  goOn();
}
