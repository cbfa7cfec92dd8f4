/** The gateway's configuration: read from the environment once, in `main.ts`, and passed on as values. */
import { resolveStore } from '#asset-store/resolve-store.js';
import type { Route } from '#contracts/job-catalogue.js';
import { CREDIT_GRANT_MAX, QUEUED_PER_USER_MAX } from '#contracts/limits.js';
import { ROUTES } from '#contracts/subjects.js';
import { Environment } from '#service-kit/environment.js';
import { LOG_LEVELS, type LogLevel } from '#service-kit/log.js';
import { type NatsSettings, readNatsSettings } from '#service-kit/nats-settings.js';
import { readWebhookSettings, type WebhookSettings } from '#webhooks/settings.js';
import { type Prices, readPrices } from './accounts/prices.js';

/** Under this token the configuration is injected. */
export const CONFIGURATION = Symbol('configuration');

/** Who is believed. At least one of secret and key server is set. */
export interface TokenSettings {
  /** Key of HS256 tokens. */
  readonly secret?: string;
  /** Where the public keys of other tokens are. */
  readonly jwksUrl?: string;
  readonly issuer?: string;
  readonly audience?: string;
}

export interface AssetSettings {
  /** `file:` and a path. */
  readonly store: string;
  readonly urlSecret: string;
  /** Least time for which a signed address is good. */
  readonly urlTtlSeconds: number;
}

export interface Configuration {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where clients reach this gateway, without a trailing slash; absent: at `host` and `port`. */
  readonly publicUrl?: string;
  readonly nats: NatsSettings;
  readonly tokens: TokenSettings;
  /** What workers that do not speak NATS show; absent: there are none. */
  readonly workerToken?: string;
  readonly assets: AssetSettings;
  /** Absent: there are no webhooks here. */
  readonly webhooks?: WebhookSettings;
  /** Unfinished jobs of one queue above which new ones are refused. */
  readonly maxQueueDepth: number;
  /** Open jobs of one user above which new ones are refused. */
  readonly maxQueuedPerUser: number;
  /** Credits that a new user has. */
  readonly initialCredits: number;
  /** Credits that a job costs. */
  readonly prices: Prices;
  /** Requests that one user may send in a minute; 0 for any number. */
  readonly rateLimit: number;
  readonly servedRoutes: readonly Route[];
  readonly allowAdult: boolean;
  /** `*`, or the origins whose pages may call. */
  readonly corsOrigins: '*' | readonly string[];
  readonly logLevel: LogLevel;
}

/** The routes that have a worker. A job type of another one is known but not available. */
const DEFAULT_SERVED_ROUTES: readonly Route[] = ROUTES;
const SECRET_MIN_BYTES = 32;

/** @throws ConfigurationError that names everything missing or wrong. */
export function readConfiguration(source: Readonly<Record<string, string | undefined>>): Configuration {
  const environment = new Environment(source);
  const configuration: Configuration = {
    host: environment.text('HOST', '127.0.0.1'),
    port: environment.integer('PORT', 3000, { max: 65_535 }),
    publicUrl: publicUrl(environment),
    nats: readNatsSettings(environment),
    tokens: tokenSettings(environment),
    workerToken: workerToken(environment),
    assets: assetSettings(environment),
    webhooks: readWebhookSettings(environment),
    maxQueueDepth: environment.integer('MAX_QUEUE_DEPTH', 1000, { min: 1 }),
    maxQueuedPerUser: environment.integer('MAX_QUEUED_PER_USER', 100, { min: 1, max: QUEUED_PER_USER_MAX }),
    initialCredits: environment.integer('INITIAL_CREDITS', 0, { max: CREDIT_GRANT_MAX }),
    prices: readPrices(environment),
    rateLimit: environment.integer('RATE_LIMIT', 600, { max: 1_000_000 }),
    servedRoutes: servedRoutes(environment),
    allowAdult: ['true', '1'].includes(environment.oneOf('ALLOW_ADULT', ['true', 'false', '1', '0'], 'false')),
    corsOrigins: corsOrigins(environment),
    logLevel: environment.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
  };
  environment.check();
  return configuration;
}

function publicUrl(environment: Environment): string | undefined {
  if (environment.optional('PUBLIC_URL') === undefined) return undefined;
  return environment.url('PUBLIC_URL', ['http:', 'https:']).replace(/\/+$/, '');
}

function tokenSettings(environment: Environment): TokenSettings {
  const jwks = environment.optional('AUTH_JWKS_URL');
  const settings = {
    secret: environment.optional('AUTH_JWT_SECRET'),
    jwksUrl: jwks && environment.url('AUTH_JWKS_URL', ['http:', 'https:']),
    issuer: environment.optional('AUTH_ISSUER'),
    audience: environment.optional('AUTH_AUDIENCE'),
  };
  if (!settings.secret && !settings.jwksUrl) environment.problem('AUTH_JWT_SECRET or AUTH_JWKS_URL is missing', '');
  if (settings.secret) requireLength(environment, 'AUTH_JWT_SECRET', settings.secret);
  return settings;
}

function workerToken(environment: Environment): string | undefined {
  const token = environment.optional('WORKER_TOKEN');
  if (token) requireLength(environment, 'WORKER_TOKEN', token);
  if (token && !/^[!-~]+$/.test(token)) environment.problem('WORKER_TOKEN must be visible ASCII without spaces', '');
  return token;
}

function assetSettings(environment: Environment): AssetSettings {
  const settings = {
    store: environment.text('ASSET_STORE'),
    urlSecret: environment.text('ASSET_URL_SECRET'),
    urlTtlSeconds: environment.integer('ASSET_URL_TTL_S', 3600, { min: 1, max: 365 * 86_400 }),
  };
  if (settings.urlSecret) requireLength(environment, 'ASSET_URL_SECRET', settings.urlSecret);
  if (settings.store) checkStore(environment, settings.store);
  return settings;
}

function checkStore(environment: Environment, address: string): void {
  try {
    resolveStore(address);
  } catch (error) {
    environment.problem(error instanceof Error ? error.message : String(error), undefined);
  }
}

function requireLength(environment: Environment, name: string, secret: string): void {
  const bytes = Buffer.byteLength(secret);
  if (bytes < SECRET_MIN_BYTES) {
    environment.problem(`${name} must have at least ${SECRET_MIN_BYTES} bytes, not ${bytes}`, '');
  }
}

function servedRoutes(environment: Environment): readonly Route[] {
  const names = environment.optional('SERVED_ROUTES')?.split(',');
  if (!names) return DEFAULT_SERVED_ROUTES;
  const routes = names.map((name) => name.trim());
  const known = ROUTES.filter((route) => routes.includes(route));
  if (known.length === routes.length) return known;
  return environment.problem(`SERVED_ROUTES may name ${ROUTES.join(', ')}`, DEFAULT_SERVED_ROUTES);
}

function corsOrigins(environment: Environment): '*' | readonly string[] {
  const text = environment.text('CORS_ORIGINS', '*');
  if (text === '*') return '*';
  const origins = text.split(',').map((origin) => origin.trim());
  const wrong = origins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin);
  if (wrong === undefined) return origins;
  return environment.problem(`CORS_ORIGINS must be * or origins like https://example.org, not "${wrong}"`, '*');
}
