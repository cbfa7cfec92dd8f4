import type { ServiceName } from '#contracts/rights.js';

/** The services that the launcher runs. */
export const LAUNCHED = [
  'jobs',
  'gateway',
  'sdxl-worker',
  'wan-worker',
  'enhancer',
] as const satisfies readonly ServiceName[];
export type LaunchedService = (typeof LAUNCHED)[number];

/** What all services have to know about this platform. */
export interface PlatformFacts {
  host: string;
  port: number;
  publicUrl: string;
  natsUrl: string;
  /** File with what lets the service in; undefined where the server wants nothing. */
  natsCreds: Partial<Record<LaunchedService, string>>;
  /** Only jobs has to know it, and the others start before it is known. */
  databaseUrl?: string;
  assetStore: string;
  assetUrlSecret: string;
  tokenSecret: string;
  /** What the secrets of webhooks are derived from. */
  webhookSecret: string;
  /** What receipts are signed with. */
  receiptSigningKey: string;
}

const WEBHOOK_SWITCHES = ['WEBHOOK_ALLOW_HTTP', 'WEBHOOK_ALLOW_PRIVATE'];

/** Variables of the launcher's own environment that are passed on: names, or beginnings of names that end in `*`. */
const PASSED_ON: Readonly<Record<LaunchedService, readonly string[]>> = {
  jobs: [...WEBHOOK_SWITCHES, 'STREAM_REPLICAS', '*_STREAM_MAX_BYTES'],
  gateway: [
    ...WEBHOOK_SWITCHES,
    ...['AUTH_JWKS_URL', 'AUTH_ISSUER', 'AUTH_AUDIENCE', 'ASSET_URL_TTL_S', 'CORS_ORIGINS', 'SERVED_ROUTES'],
    ...['MAX_QUEUE_DEPTH', 'MAX_QUEUED_PER_USER', 'JOB_CREDITS', 'ALLOW_ADULT', 'RATE_LIMIT', 'WORKER_TOKEN'],
  ],
  'sdxl-worker': ['ENGINE', 'PREVIEW_*', 'DRAIN_SECONDS'],
  'wan-worker': ['ENGINE', 'PREVIEW_*', 'DRAIN_SECONDS'],
  enhancer: [
    ...['ENHANCER_MODEL', 'ENHANCER_LANGUAGE', 'ENHANCER_PROMPT_FILE', 'ENHANCER_FIRST_TOKEN_SECONDS', 'PREVIEW_*'],
  ],
};

/**
 * The size of V8's young generation, in MiB. Its default grows to several times what these processes keep alive: the
 * gateway under load needs 165 MB with 8 and 290 MB without, the worker 118 MB with 1 and 150 MB without.
 */
const SEMI_SPACE_MIB: Readonly<Record<LaunchedService, number>> = {
  jobs: 4,
  gateway: 8,
  'sdxl-worker': 1,
  'wan-worker': 1,
  enhancer: 1,
};

/** Node's own flags for a service. */
export function nodeFlags(service: LaunchedService): string[] {
  return [`--max-semi-space-size=${SEMI_SPACE_MIB[service]}`];
}

/** What any program may need of its surroundings. */
const SURROUNDINGS = [
  ...['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'LOG_LEVEL', 'NODE_ENV', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'],
];

/** A stopping worker gives its job back soon enough that nobody has to end it by force. */
const DRAIN_SECONDS = '4';

/** Who tries the platform out can ask for something at once. */
const INITIAL_CREDITS = '100';

/** The whole environment of a service: nothing that it has no use for, least of all secrets. */
export function serviceEnvironment(
  service: LaunchedService,
  facts: PlatformFacts,
  own: NodeJS.ProcessEnv,
): Record<string, string> {
  return present({
    ...pick(own, [...SURROUNDINGS, ...PASSED_ON[service]]),
    NATS_URL: facts.natsUrl,
    NATS_CREDS: facts.natsCreds[service],
    ...factsFor(service, facts, own),
  });
}

function factsFor(service: LaunchedService, facts: PlatformFacts, own: NodeJS.ProcessEnv) {
  const { publicUrl: PUBLIC_URL, assetStore: ASSET_STORE } = facts;
  switch (service) {
    case 'jobs':
      return {
        ...{ DATABASE_URL: facts.databaseUrl, PUBLIC_URL },
        ...{ WEBHOOK_SECRET: facts.webhookSecret, RECEIPT_SIGNING_KEY: facts.receiptSigningKey },
      };
    case 'gateway':
      return {
        ...{ HOST: facts.host, PORT: String(facts.port), PUBLIC_URL, ASSET_STORE },
        ...{ AUTH_JWT_SECRET: facts.tokenSecret, ASSET_URL_SECRET: facts.assetUrlSecret },
        WEBHOOK_SECRET: facts.webhookSecret,
        INITIAL_CREDITS: own.INITIAL_CREDITS || INITIAL_CREDITS,
      };
    case 'sdxl-worker':
    case 'wan-worker':
      return { PUBLIC_URL, ASSET_STORE, DRAIN_SECONDS: own.DRAIN_SECONDS || DRAIN_SECONDS };
    case 'enhancer':
      return {
        // Its engine is another one than that of the workers beside it.
        ...{ ENGINE: own.ENHANCER_ENGINE, ENGINE_URL: own.ENHANCER_ENGINE_URL },
        ...{ ENGINE_API_KEY: own.ENHANCER_ENGINE_API_KEY, DRAIN_SECONDS: own.DRAIN_SECONDS || DRAIN_SECONDS },
      };
  }
}

function pick(source: NodeJS.ProcessEnv, patterns: readonly string[]) {
  return Object.fromEntries(Object.entries(source).filter(([name]) => patterns.some((pattern) => fits(name, pattern))));
}

function fits(name: string, pattern: string): boolean {
  if (pattern.startsWith('*')) return name.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function present(variables: Record<string, string | undefined>): Record<string, string> {
  const entries = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
