/** Streams and consumers as data. The jobs service creates them; every service checks at start that the server has them so. */
import { QUEUE_ROUTES, type QueueName, type Route } from './job-catalogue.js';
import { ACK_WAIT_MS, JOB_STREAM_MAX_AGE_MS, MAX_DELIVERIES } from './limits.js';
import {
  ACCOUNT_SUBJECTS,
  ASSET_SUBJECTS,
  assetSubject,
  JOB_SUBJECTS,
  type JobEventToken,
  jobSubject,
  LANES,
  type Lane,
  REPUBLISH,
} from './subjects.js';

export interface StreamSpec {
  readonly name: string;
  readonly subjects: readonly string[];
  /** 0: keeps everything. */
  readonly maxAgeMs: number;
  /** Appends only: nothing deletes or purges, and a full stream refuses new messages instead of dropping old ones. */
  readonly appendOnly: boolean;
  readonly republish?: { readonly from: string; readonly to: string };
}

export const JOB_STREAM: StreamSpec = {
  name: 'OURVIDZ_JOBS',
  subjects: [JOB_SUBJECTS, ASSET_SUBJECTS],
  maxAgeMs: JOB_STREAM_MAX_AGE_MS,
  appendOnly: true,
  republish: REPUBLISH,
};

/** Balances must not be forgotten: no maximum age. Workers have no right to it. */
export const ACCOUNT_STREAM: StreamSpec = {
  name: 'OURVIDZ_ACCOUNTS',
  subjects: ACCOUNT_SUBJECTS,
  maxAgeMs: 0,
  appendOnly: true,
  republish: REPUBLISH,
};

const ADVISORY = '$JS.EVENT.ADVISORY.CONSUMER';

/** Pointers to messages that used up their deliveries or were rejected. */
export const DEAD_LETTER_STREAM: StreamSpec = {
  name: 'OURVIDZ_DEAD_LETTERS',
  subjects: [`${ADVISORY}.MAX_DELIVERIES.${JOB_STREAM.name}.*`, `${ADVISORY}.MSG_TERMINATED.${JOB_STREAM.name}.*`],
  maxAgeMs: JOB_STREAM_MAX_AGE_MS,
  appendOnly: false,
};

export const STREAMS = [JOB_STREAM, ACCOUNT_STREAM, DEAD_LETTER_STREAM] as const;

export interface ConsumerSpec {
  readonly stream: string;
  readonly name: string;
  readonly filters: readonly string[];
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
  /** Hands out jobs: not those that had ended when their stream was filled again. */
  readonly isWork?: boolean;
}

export type EngineName = 'sdxl' | 'wan' | 'enhancer';

/** What an engine's work starts from. */
const WORK: Readonly<Record<EngineName, readonly { route: Route; event: JobEventToken }[]>> = {
  sdxl: [{ route: 'sdxl', event: 'requested' }],
  enhancer: [{ route: 'wan-enhanced', event: 'requested' }],
  wan: [
    { route: 'wan', event: 'requested' },
    { route: 'wan-enhanced', event: 'enhanced' },
  ],
};

/** The engines that serve a route, in the order in which a job passes them. */
export const ROUTE_ENGINES: Readonly<Record<Route, readonly EngineName[]>> = {
  sdxl: ['sdxl'],
  wan: ['wan'],
  'wan-enhanced': ['enhancer', 'wan'],
};

export function workConsumer(engine: EngineName, lane: Lane): ConsumerSpec {
  return {
    stream: JOB_STREAM.name,
    name: `${engine}-${lane}`,
    filters: workFilters(engine, lane),
    ackWaitMs: ACK_WAIT_MS,
    maxDeliver: MAX_DELIVERIES,
    isWork: true,
  };
}

/** The subjects that make work for an engine. */
export function workFilters(engine: EngineName, lane: Lane | '*'): string[] {
  return WORK[engine].map(({ route, event }) => jobSubject(route, lane, event, '*'));
}

/** The engines that make the outputs of a queue's jobs. */
export function generatingEngines(queue: QueueName): EngineName[] {
  const engines = QUEUE_ROUTES[queue].flatMap((route) => ROUTE_ENGINES[route].slice(-1));
  return [...new Set(engines)];
}

export const ENGINES = Object.keys(WORK) as readonly EngineName[];

export const DEAD_LETTER_CONSUMER: ConsumerSpec = {
  stream: DEAD_LETTER_STREAM.name,
  name: 'jobs-dead-letters',
  filters: [...DEAD_LETTER_STREAM.subjects],
  ackWaitMs: ACK_WAIT_MS,
  // A dead letter is never itself given up: it is tried until its job has an outcome.
  maxDeliver: -1,
};

/** Deletes the files of deleted assets; backs up the gateway that deletes them at once. */
export const ASSET_REAPER_CONSUMER: ConsumerSpec = {
  stream: JOB_STREAM.name,
  name: 'asset-reaper',
  filters: [assetSubject('deleted', '*', '*')],
  ackWaitMs: ACK_WAIT_MS,
  maxDeliver: -1,
};

export const CONSUMERS: readonly ConsumerSpec[] = [
  ...ENGINES.flatMap((engine) => LANES.map((lane) => workConsumer(engine, lane))),
  DEAD_LETTER_CONSUMER,
  ASSET_REAPER_CONSUMER,
];
