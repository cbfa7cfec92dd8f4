/** What a command works with. Connections are made when they are first asked for, and closed when the command ends. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { type Bus, connectBus } from '#eventing/bus.js';
import type { TopologySize } from '#eventing/topology.js';
import { Environment } from '#service-kit/environment.js';
import { createLog } from '#service-kit/log.js';
import { readStreamSizes } from '../configuration.js';
import { Database } from '../database/database.js';
import { migrate } from '../database/migrate.js';
import { installProjections } from '../projections/registry.js';
import { findPlace, type Place } from './connection.js';
import { EXIT, type ExitCode, endingOf, refused, ToolError } from './exit-codes.js';
import { Output } from './output.js';
import { assertSchema, isEmpty } from './schema-check.js';

/** The options that every command has. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly dataDir?: string;
}

const NATS_PATIENCE_MS = 5_000;
/** The tool tells by its own messages what goes wrong. */
export const SILENT = createLog('ourvidz-events', 'silent');

export class Tool {
  private place: Promise<Place> | undefined;
  private openedDatabase: Database | undefined;
  private openedBus: Bus | undefined;

  constructor(
    private readonly options: GlobalOptions,
    readonly output: Output,
    /** Aborts on Ctrl-C: the command then ends in order. */
    readonly signal: AbortSignal,
  ) {}

  /** Only tell what would be done. */
  get dryRun(): boolean {
    return this.options.dryRun ?? false;
  }

  /** The database, whose schema is that of this program. */
  async database(): Promise<Database> {
    if (this.openedDatabase) return this.openedDatabase;
    const database = new Database(await this.databaseUrl(), SILENT);
    this.openedDatabase = database;
    await assertSchema(database);
    return database;
  }

  /** The database; one that is empty gets its tables first, when somebody agrees. */
  async preparedDatabase(): Promise<Database> {
    const url = await this.databaseUrl();
    const looking = new Database(url, SILENT);
    const empty = await isEmpty(looking).finally(() => looking.close());
    if (empty && this.dryRun) throw refused('The database is empty: without --dry-run it gets its tables first.');
    if (empty) {
      await this.confirm('The database is empty. Make the tables of the platform in it?');
      await migrate(url, SILENT);
      await installProjections(await this.database());
    }
    return this.database();
  }

  /** For what needs connections of its own. */
  async databaseUrl(): Promise<string> {
    const { databaseUrl, source } = await this.whereabouts();
    if (databaseUrl === undefined) throw new ToolError(EXIT.usage, `DATABASE_URL is missing (read: ${source})`);
    return databaseUrl;
  }

  /** NATS, as a user of its own. */
  async bus(): Promise<Bus> {
    this.openedBus ??= await this.connectNats();
    return this.openedBus;
  }

  /** Whether anything names a NATS server. */
  async knowsNats(): Promise<boolean> {
    return (await this.whereabouts()).nats !== undefined;
  }

  /** How large a stream is made; the jobs service changes it to its own settings when it starts. */
  streamSizes(): TopologySize {
    const environment = new Environment(process.env);
    const sizes = readStreamSizes(environment);
    environment.check();
    return sizes;
  }

  /** Before what cannot be undone. Rejects unless a person agrees or has agreed with `--yes`. */
  async confirm(question: string): Promise<void> {
    if (this.options.yes) return;
    if (!process.stdin.isTTY) throw refused(`${question}\nNobody can be asked here: --yes agrees.`);
    const asking = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await asking.question(`${question} [y/N] `, { signal: this.signal });
      if (!/^y(es)?$/i.test(answer.trim())) throw refused('Nothing was changed.');
    } finally {
      asking.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.openedBus?.close(), this.openedDatabase?.close()]);
  }

  private whereabouts(): Promise<Place> {
    this.place ??= findPlace(process.env, this.options.dataDir);
    return this.place;
  }

  private async connectNats(): Promise<Bus> {
    const { nats, source } = await this.whereabouts();
    if (!nats) throw new ToolError(EXIT.usage, `NATS_URL is missing (read: ${source})`);
    const patience = AbortSignal.timeout(NATS_PATIENCE_MS);
    try {
      return await connectBus({
        ...nats,
        service: 'events-tool',
        log: SILENT,
        signal: AbortSignal.any([patience, this.signal]),
      });
    } catch (error) {
      if (patience.aborted) throw new ToolError(EXIT.noConnection, `NATS does not answer at ${nats.url}`);
      throw error;
    }
  }
}

/** What a command does; yields how the tool ends. */
type Work = (tool: Tool) => Promise<ExitCode>;

/** Runs a command's work with its options and ends the process with the code that belongs to the outcome. */
export async function runWork(command: Command, work: Work): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const output = new Output(options.json ?? false);
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  process.once('SIGTERM', () => interrupted.abort());
  const tool = new Tool(options, output, interrupted.signal);
  try {
    process.exitCode = await work(tool);
  } catch (error) {
    process.exitCode = interrupted.signal.aborted ? EXIT.interrupted : tellFailure(output, error);
  } finally {
    await tool.close();
  }
}

/** Says what went wrong; yields the exit code. */
export function tellFailure(output: Output, error: unknown): ExitCode {
  const ending = endingOf(error) ?? { code: EXIT.failed, message: stackOf(error) };
  if (ending.message !== '') output.failure(ending.message, ending.code);
  return ending.code;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
