import { pauseUnlessAborted } from '#service-kit/pause.js';
import { EXIT_CONFIGURATION } from '#service-kit/process-lifecycle.js';
import { RestartDelay } from './restart-delay.js';
import { type Ending, type ServiceCommand, ServiceProcess } from './service-process.js';

/** Who is told what becomes of a service. */
export interface ServiceObserver {
  /** A new process: its output is to be followed. */
  started(process: ServiceProcess): void;
  /** Something that the person who started the platform should know. */
  report(message: string): void;
}

/** A service that is started again when it crashes, after a pause that grows. */
export class SupervisedService {
  /** Settles when it does its work for the first time; rejects when it gives up before. */
  readonly ready: Promise<void>;
  readonly #stopping = new AbortController();
  readonly #delay = new RestartDelay();
  #course: Promise<void> = Promise.resolve();
  #process: ServiceProcess | undefined;
  #wasReady = false;

  constructor(
    private readonly command: ServiceCommand,
    private readonly observer: ServiceObserver,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.#course = this.#run(resolve, reject);
    });
    // A platform that stops before it is ready has nobody waiting for this.
    this.ready.catch(() => undefined);
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const { name } = this.command;
    await this.#process?.stop(() => this.observer.report(`${name} did not stop within 10 s: ended by force`));
    await this.#course;
  }

  /** Ends it for good and at once. */
  kill(): void {
    this.#stopping.abort();
    this.#process?.kill();
  }

  async #run(onReady: () => void, onGivingUp: (error: Error) => void): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const { ending, upMs } = await this.#runOnce(onReady);
      if (this.#stopping.signal.aborted) return;
      if (ending.code === EXIT_CONFIGURATION) return this.#giveUp(onGivingUp);
      await this.#pause(ending, this.#delay.next(upMs));
    }
  }

  async #runOnce(onReady: () => void): Promise<{ ending: Ending; upMs: number }> {
    const startedAt = performance.now();
    const process = new ServiceProcess(this.command);
    this.#process = process;
    this.observer.started(process);
    void process.ready.then(() => {
      this.#wasReady = true;
      onReady();
    });
    const ending = await process.ended;
    return { ending, upMs: performance.now() - startedAt };
  }

  /** Whoever waits for the start tells its failure; later nobody waits. */
  #giveUp(tellStarter: (error: Error) => void): void {
    const message = `${this.command.name} is not configured correctly (see above)`;
    if (this.#wasReady) this.observer.report(`${message}; it is not started again`);
    else tellStarter(new Error(message));
  }

  async #pause({ code, signal }: Ending, ms: number): Promise<void> {
    const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
    this.observer.report(`${this.command.name} ${how}; it is started again in ${ms / 1_000} s`);
    await pauseUnlessAborted(ms, this.#stopping.signal);
  }
}
