import { Environment } from '#service-kit/environment.js';
import { LOG_LEVELS, type LogLevel } from '#service-kit/log.js';
import { type NatsSettings, readNatsSettings } from '#service-kit/nats-settings.js';
import { readWebhookSettings } from '#webhooks/settings.js';
import { parseSigningKey, type SigningKey } from './receipts/signing-key.js';
import type { DeliverySettings } from './webhooks/webhook-work.js';

const GIB = 1024 ** 3;
const REPLICAS = ['1', '3', '5'] as const;

/** All settings of the jobs service. */
export interface Configuration {
  readonly nats: NatsSettings;
  readonly databaseUrl: string;
  readonly streams: {
    readonly replicas: number;
    readonly jobStreamMaxBytes: number;
    readonly accountStreamMaxBytes: number;
  };
  /** Where health and metrics are served, if at all; port 0 takes a free one. */
  readonly health?: { readonly host: string; readonly port: number };
  /** Absent: nothing is delivered to webhooks. */
  readonly webhooks?: DeliverySettings;
  /** Absent: no receipts are signed. */
  readonly receiptKey?: SigningKey;
  readonly logLevel: LogLevel;
}

/** Throws `ConfigurationError` with everything that is missing or wrong. */
export function readConfiguration(source: Readonly<Record<string, string | undefined>>): Configuration {
  const environment = new Environment(source);
  const configuration: Configuration = {
    nats: readNatsSettings(environment),
    databaseUrl: environment.url('DATABASE_URL', ['postgres:', 'postgresql:']),
    streams: readStreamSizes(environment),
    health: healthOf(environment),
    webhooks: webhooksOf(environment),
    receiptKey: receiptKeyOf(environment),
    logLevel: environment.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
  };
  environment.check();
  return configuration;
}

export function readStreamSizes(environment: Environment): Configuration['streams'] {
  return {
    replicas: Number(environment.oneOf('STREAM_REPLICAS', REPLICAS, '1')),
    jobStreamMaxBytes: environment.integer('JOBS_STREAM_MAX_BYTES', 4 * GIB, { min: 1 }),
    accountStreamMaxBytes: environment.integer('ACCOUNTS_STREAM_MAX_BYTES', GIB, { min: 1 }),
  };
}

function webhooksOf(environment: Environment): DeliverySettings | undefined {
  const settings = readWebhookSettings(environment);
  if (!settings) return undefined;
  return { ...settings, publicUrl: environment.url('PUBLIC_URL', ['http:', 'https:']).replace(/\/+$/, '') };
}

function receiptKeyOf(environment: Environment): SigningKey | undefined {
  const text = environment.optional('RECEIPT_SIGNING_KEY');
  if (text === undefined) return undefined;
  const key = parseSigningKey(text);
  return key ?? environment.problem('RECEIPT_SIGNING_KEY must be 32 bytes in base64', undefined);
}

function healthOf(environment: Environment): Configuration['health'] {
  if (environment.optional('HEALTH_PORT') === undefined) return undefined;
  const port = environment.integer('HEALTH_PORT', 0, { max: 65_535 });
  return { host: environment.text('HEALTH_HOST', '127.0.0.1'), port };
}
