import { join, resolve } from 'node:path';
import { DEFAULT_DATA_DIR } from '#service-kit/connection-file.js';
import { Environment } from '#service-kit/environment.js';
import { LOG_LEVELS, type LogLevel } from '#service-kit/log.js';

/** How the platform is to be started. */
export interface LauncherSettings {
  /** Absolute. */
  dataDir: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Undefined: the address of `host` and the port. */
  publicUrl?: string;
  /** A server of somebody's instead of an own one. */
  natsUrl?: string;
  /** File with what lets the services in at `natsUrl`. */
  natsCreds?: string;
  /** A server of somebody's instead of an own one. */
  databaseUrl?: string;
  /** Undefined: made once and kept. */
  tokenSecret?: string;
  issuer?: string;
  audience?: string;
  /** Undefined: made once and kept. */
  assetUrlSecret?: string;
  /** Undefined: made once and kept. */
  webhookSecret?: string;
  /** Undefined: made once and kept. */
  receiptSigningKey?: string;
  /** Undefined: a folder in the data folder. */
  assetStore?: string;
  /** Where downloaded programs are kept. */
  cacheDir: string;
  /** The least severe level that is shown; log files have all. */
  shownLevel: LogLevel;
  /** Whether to colour what is shown. */
  colours: boolean;
  /** `first`: only when none has succeeded yet on this data folder. */
  demonstration: 'first' | 'always' | 'never';
  /** Unix milliseconds. */
  startedAt: number;
  /** What the services' own settings are taken from. */
  environment: NodeJS.ProcessEnv;
}

/** The command line of the launcher. */
export interface LauncherArguments {
  verbose?: boolean;
  demo?: boolean;
  'no-demo'?: boolean;
}

/**
 * Reads the launcher's settings.
 *
 * @throws ConfigurationError that names everything that is wrong
 */
export function readSettings(source: NodeJS.ProcessEnv, args: LauncherArguments, terminal: boolean): LauncherSettings {
  const environment = new Environment(source);
  const settings: LauncherSettings = {
    dataDir: resolve(environment.text('DATA_DIR', DEFAULT_DATA_DIR)),
    host: environment.text('HOST', '127.0.0.1'),
    port: environment.integer('PORT', 3000, { max: 65_535 }),
    publicUrl: optionalUrl(environment, 'PUBLIC_URL', ['http:', 'https:'])?.replace(/\/+$/, ''),
    natsUrl: environment.optional('NATS_URL'),
    natsCreds: environment.optional('NATS_CREDS'),
    databaseUrl: optionalUrl(environment, 'DATABASE_URL', ['postgres:', 'postgresql:']),
    tokenSecret: environment.optional('AUTH_JWT_SECRET'),
    issuer: environment.optional('AUTH_ISSUER'),
    audience: environment.optional('AUTH_AUDIENCE'),
    assetUrlSecret: environment.optional('ASSET_URL_SECRET'),
    webhookSecret: environment.optional('WEBHOOK_SECRET'),
    receiptSigningKey: environment.optional('RECEIPT_SIGNING_KEY'),
    assetStore: environment.optional('ASSET_STORE'),
    cacheDir: resolve(environment.text('OURVIDZ_CACHE_DIR', '.cache')),
    shownLevel: environment.oneOf('LOG_LEVEL', LOG_LEVELS, args.verbose ? 'info' : 'warn'),
    colours: terminal && !environment.optional('NO_COLOR'),
    demonstration: args['no-demo'] ? 'never' : args.demo ? 'always' : 'first',
    startedAt: environment.integer('OURVIDZ_STARTED_AT', Date.now()),
    environment: source,
  };
  environment.check();
  return settings;
}

/** Where the secrets of a data folder are. */
export function secretFolderOf(dataDir: string): string {
  return join(dataDir, 'secrets');
}

function optionalUrl(environment: Environment, name: string, protocols: string[]): string | undefined {
  return environment.optional(name) === undefined ? undefined : environment.url(name, protocols);
}
