/** Where the tool finds the log and the streams: in the environment, else in the data folder of a local platform. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Connection, DEFAULT_DATA_DIR, readConnection } from '#service-kit/connection-file.js';
import { Environment } from '#service-kit/environment.js';
import { errorCode } from '#service-kit/file-errors.js';
import { type NatsSettings, readNatsSettings } from '#service-kit/nats-settings.js';
import { EXIT, ToolError } from './exit-codes.js';

/** Either may be absent when the environment names only the other. */
export interface Place {
  readonly databaseUrl?: string;
  readonly nats?: NatsSettings;
  /** For messages: what named the addresses. */
  readonly source: string;
}

/**
 * The addresses all come from one source: a database and a NATS server of two different platforms must not meet.
 *
 * @param dataDir what `--data-dir` says; it goes before the environment
 */
export async function findPlace(source: NodeJS.ProcessEnv, dataDir: string | undefined): Promise<Place> {
  const environment = new Environment(source);
  const named = environment.optional('DATABASE_URL') ?? environment.optional('NATS_URL');
  if (dataDir === undefined && named !== undefined) return placeOfEnvironment(environment);
  return placeOfPlatform(resolve(dataDir ?? environment.text('DATA_DIR', DEFAULT_DATA_DIR)));
}

function placeOfEnvironment(environment: Environment): Place {
  const hasDatabase = environment.optional('DATABASE_URL') !== undefined;
  const hasNats = environment.optional('NATS_URL') !== undefined;
  const place: Place = {
    databaseUrl: hasDatabase ? environment.url('DATABASE_URL', ['postgres:', 'postgresql:']) : undefined,
    nats: hasNats ? readNatsSettings(environment) : undefined,
    source: 'the environment',
  };
  environment.check();
  return place;
}

async function placeOfPlatform(dataDir: string): Promise<Place> {
  const connection = await readConnection(dataDir);
  if (!connection) throw away(`There is no platform in ${dataDir}.`);
  if (!isRunning(connection.pid)) throw away(`The platform of ${dataDir} is not running (npm start starts it).`);
  return { databaseUrl: connection.database.url, nats: natsOf(connection), source: dataDir };
}

function away(problem: string): ToolError {
  const ways = 'Or name one: --data-dir, DATA_DIR, or DATABASE_URL with NATS_URL and NATS_CREDS.';
  return new ToolError(EXIT.noConnection, `${problem}\n${ways}`);
}

function natsOf({ nats }: Connection): NatsSettings {
  const file = nats.credentials?.['events-tool'];
  return { url: nats.url, credentials: file === undefined ? undefined : readFileSync(file, 'utf8') };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) === 'EPERM') return true;
    if (errorCode(error) === 'ESRCH') return false;
    throw error;
  }
}
