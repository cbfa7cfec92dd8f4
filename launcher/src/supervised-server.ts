import { pauseUnlessAborted } from '#service-kit/pause.js';
import { RestartDelay } from './restart-delay.js';

/** A server that this process runs: NATS or PostgreSQL. */
export interface RestartableServer {
  ended(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** A server that is started again, on the same port and data, when it crashes. */
export class SupervisedServer {
  readonly #stopping = new AbortController();
  readonly #delay = new RestartDelay();
  readonly #course: Promise<void>;

  /**
   * @param name for messages
   * @param killSignal ends it at once without harm to its data
   */
  constructor(
    private readonly name: string,
    private readonly server: RestartableServer,
    private readonly killSignal: NodeJS.Signals,
    private readonly report: (message: string) => void,
  ) {
    this.#course = this.#watch();
  }

  /** Ends it for good, in order. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.server.stop();
    // A restart that was under way has started it once more.
    await this.#course;
    await this.server.stop();
  }

  /** Ends it for good and at once. */
  async kill(): Promise<void> {
    this.#stopping.abort();
    await this.server.kill(this.killSignal);
  }

  async #watch(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const startedAt = performance.now();
      await this.server.ended();
      if (this.#stopping.signal.aborted) return;
      const delay = this.#delay.next(performance.now() - startedAt);
      this.report(`${this.name} ended unexpectedly; it is started again in ${delay / 1_000} s`);
      await pauseUnlessAborted(delay, this.#stopping.signal);
      if (!this.#stopping.signal.aborted) await this.#restart();
    }
  }

  /** After a failure the server counts as ended, and the next round tries again. */
  async #restart(): Promise<void> {
    try {
      await this.server.restart();
      this.report(`${this.name} is back`);
    } catch (error) {
      this.report(`${this.name} did not start: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
