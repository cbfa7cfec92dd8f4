/** The program behind `npm start`: servers and services of one data folder, until a signal. */
import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_DATA_DIR } from '#service-kit/connection-file.js';
import { EXIT_CONFIGURATION } from '#service-kit/process-lifecycle.js';
import { lockDataFolder } from './data-folder-lock.js';
import { demonstrate } from './first-start.js';
import { Platform, type RunningPlatform } from './platform.js';
import { type LauncherSettings, readSettings } from './settings.js';
import { Terminal } from './terminal.js';

function settingsOrExit(): LauncherSettings {
  const flag = { type: 'boolean' } as const;
  try {
    const { values } = parseArgs({ options: { verbose: flag, demo: flag, 'no-demo': flag } });
    return readSettings(process.env, values, process.stdout.isTTY);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\nHelp: npm start -- --help\n`);
    process.exit(EXIT_CONFIGURATION);
  }
}

async function makeDataFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const advice = 'Choose a folder that you may write: DATA_DIR=… npm start';
    throw new Error(`${path} cannot be the data folder (${messageOf(error)}). ${advice}`, { cause: error });
  }
}

/** One launch, from the lock on its data folder to the exit. */
class Launch {
  readonly #terminal: Terminal;
  readonly #platform: Platform;
  readonly #stopping = new AbortController();
  #unlock = () => {};

  constructor(private readonly settings: LauncherSettings) {
    this.#terminal = new Terminal(process.stdout, settings.colours);
    this.#platform = new Platform(settings, this.#terminal);
  }

  async run(): Promise<void> {
    try {
      await makeDataFolder(this.settings.dataDir);
      this.#unlock = lockDataFolder(this.settings.dataDir);
      this.#stopOnSignals();
      const platform = await this.#platform.start();
      if (this.#stopping.signal.aborted) return;
      this.#greet(platform);
      await demonstrate(platform, this.settings, this.#terminal, this.#stopping.signal);
    } catch (error) {
      await this.#fail(error);
    }
  }

  /** Ctrl-C, `kill`, a closed terminal, and the death of whoever started this. A second Ctrl-C does not wait. */
  #stopOnSignals(): void {
    process.on('SIGINT', () => (this.#stopping.signal.aborted ? this.#killAll() : void this.#stop(0)));
    process.on('SIGTERM', () => void this.#stop(0));
    process.on('SIGHUP', () => void this.#stop(0));
    process.on('disconnect', () => void this.#stop(1));
  }

  async #stop(code: number): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#terminal.say('Stopping … (Ctrl-C again: at once)');
    await this.#end();
    this.#terminal.say('Stopped.');
    process.exit(code);
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    await this.#platform.stop();
    this.#unlock();
  }

  #killAll(): never {
    this.#platform.kill();
    process.exit(128 + constants.signals.SIGINT);
  }

  /** A start that fails because it is being stopped is no failure. The reason is the last thing to be read. */
  async #fail(error: unknown): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await this.#end();
    this.#terminal.warn(messageOf(error));
    process.exit(1);
  }

  #greet({ url, publicUrl }: RunningPlatform): void {
    const { dataDir, startedAt } = this.settings;
    const folder = dataDir === resolve(DEFAULT_DATA_DIR) ? '' : `DATA_DIR='${dataDir}' `;
    const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
    this.#terminal.say(
      [
        `OurVidz is ready after ${seconds} s: ${publicUrl}${publicUrl === url ? '' : ` (here: ${url})`}`,
        `  token   ${folder}npm run --silent token -- --user alice`,
        `  data    ${dataDir}`,
        '  stop    Ctrl-C',
      ].join('\n'),
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

await new Launch(settingsOrExit()).run();
