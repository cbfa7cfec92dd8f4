/** One service that is kept running, as an operator would: it is started again whenever it ends. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceName } from '#contracts/rights.js';
import { guardProcess } from '#launcher/orphan-guard.js';
import type { Platform } from '../support/platform.js';
import type { FaultyNetwork } from './faulty-network.js';

/** How a slot's service is started. */
export interface SlotSettings {
  readonly name: string;
  readonly service: ServiceName;
  readonly network: FaultyNetwork;
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
}

/** A process that ended although nobody ended it, or that did not end cleanly when it was told to. */
export interface UncleanEnd {
  readonly name: string;
  readonly how: string;
}

const RESTART_MS = 500;
/** The longest drain of a service, and some more. */
const STOP_LIMIT_MS = 40_000;

export class ServiceSlot {
  readonly uncleanEnds: UncleanEnd[] = [];
  /** Of every process that ran here. */
  readonly pids: number[] = [];
  private child: ChildProcess | undefined;
  private isReady = false;
  /** Why the process may end now. */
  private ending: 'killed' | 'told' | undefined;
  private starting: Promise<void> = Promise.resolve();

  constructor(
    private readonly platform: Platform,
    readonly settings: SlotSettings,
  ) {}

  get name(): string {
    return this.settings.name;
  }

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error(`${this.name} does not run`);
    return this.child.pid;
  }

  /** Starts the service. What comes of it is waited for with `ready`. */
  start(): void {
    const { service, network, environment } = this.settings;
    const { child, ready } = this.platform.spawnService(service, { NATS_URL: network.url, ...environment });
    this.child = child;
    this.ending = undefined;
    this.isReady = false;
    this.starting = ready.then(
      () => this.onReady(),
      // A process that ends before it is ready is noticed by its end.
      () => undefined,
    );
    this.watch(child);
  }

  /** Resolves when the service is ready, however often it has to be started. */
  async ready(): Promise<void> {
    while (!this.isReady) {
      await this.starting;
      if (!this.isReady) await delay(RESTART_MS);
    }
  }

  async kill(): Promise<void> {
    await this.end('killed', 'SIGKILL');
  }

  /** Tells the service to stop and waits until it has. */
  async terminate(): Promise<void> {
    const tooLate = setTimeout(() => this.overdue(), STOP_LIMIT_MS);
    await this.end('told', 'SIGTERM');
    clearTimeout(tooLate);
  }

  private async end(ending: 'killed' | 'told', signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (!child || hasEnded(child)) return;
    // Before it is ready it has no handler of signals, and nothing to tidy up.
    this.ending = this.isReady ? ending : 'killed';
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  private onReady(): void {
    this.isReady = true;
  }

  private watch(child: ChildProcess): void {
    if (child.pid === undefined) throw new Error(`${this.name} could not be started`);
    this.pids.push(child.pid);
    const release = guardProcess(child.pid, 'SIGKILL');
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => void this.keep(chunk));
    child.once('exit', (code, signal) => {
      release();
      this.judge(code, signal);
    });
  }

  private judge(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.ending === 'killed' || (this.ending === 'told' && code === 0)) return;
    const how = signal ? `by ${signal}` : `with code ${code}`;
    const why = this.ending === 'told' ? 'ended uncleanly when told to stop' : 'ended by itself';
    this.uncleanEnds.push({ name: this.name, how: `${why}, ${how}` });
    if (this.ending === undefined) setTimeout(() => this.start(), RESTART_MS);
  }

  private overdue(): void {
    this.uncleanEnds.push({ name: this.name, how: `did not stop within ${STOP_LIMIT_MS / 1000} s` });
    this.child?.kill('SIGKILL');
  }

  private keep(chunk: Buffer): Promise<void> {
    return appendFile(this.settings.logFile, chunk);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
