/** What each service may publish and subscribe to. The launcher makes NATS permissions of it. */
import { QUEUE_NAMES } from './job-catalogue.js';
import {
  ACCOUNT_STREAM,
  ASSET_REAPER_CONSUMER,
  type ConsumerSpec,
  DEAD_LETTER_CONSUMER,
  DEAD_LETTER_STREAM,
  type EngineName,
  generatingEngines,
  JOB_STREAM,
  ROUTE_ENGINES,
  STREAMS,
  type StreamSpec,
  workConsumer,
  workFilters,
} from './streams.js';
import {
  assetSubject,
  auditSubject,
  cancelSubject,
  commandSubject,
  type JobEventToken,
  jobSubject,
  LANES,
  livePreviewSubject,
  liveSubject,
  progressSubject,
  projectSubject,
  querySubject,
  ROUTES,
  releaseSubject,
  requestCountsSubject,
  seedSubject,
  webhookSubject,
  workerSubject,
} from './subjects.js';

export type ServiceName = 'gateway' | 'jobs' | 'sdxl-worker' | 'wan-worker' | 'enhancer' | 'events-tool';

export interface Rights {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** May answer requests that it received. */
  readonly allowResponses: boolean;
}

/** Replies come to an inbox that no other service may read. */
export function inboxPrefix(service: ServiceName): string {
  return `_INBOX_${service}`;
}

export const RIGHTS: Readonly<Record<ServiceName, Rights>> = {
  gateway: gatewayRights(),
  jobs: jobsRights(),
  'sdxl-worker': generationWorkerRights('sdxl-worker', 'sdxl'),
  'wan-worker': generationWorkerRights('wan-worker', 'wan'),
  enhancer: workerRights('enhancer', 'enhancer', ['enhanced']),
  'events-tool': eventsToolRights(),
};

export const SERVICE_NAMES = Object.keys(RIGHTS) as readonly ServiceName[];

function gatewayRights(): Rights {
  const readable = [JOB_STREAM.name, ACCOUNT_STREAM.name];
  return {
    publish: [
      jobSubject('*', '*', 'requested', '*'),
      jobSubject('*', '*', 'cancelled', '*'),
      assetSubject('deleted', '*', '*'),
      assetSubject('favorited', '*', '*'),
      'ourvidz.account.*',
      projectSubject('*', '*'),
      webhookSubject('*'),
      auditSubject('*'),
      requestCountsSubject(),
      cancelSubject('*'),
      releaseSubject('*'),
      querySubject('>'),
      commandSubject('>'),
      ...readable.flatMap(readStream),
      ...STREAMS.map((stream) => `$JS.API.STREAM.INFO.${stream.name}`),
      `$JS.API.CONSUMER.INFO.${JOB_STREAM.name}.*`,
      ...pull(ASSET_REAPER_CONSUMER),
    ],
    subscribe: [
      `${inboxPrefix('gateway')}.>`,
      liveSubject('ourvidz.>'),
      requestCountsSubject(),
      progressSubject('*'),
      livePreviewSubject('*'),
      workerSubject('*', '*'),
    ],
    allowResponses: false,
  };
}

function jobsRights(): Rights {
  const created = STREAMS.map((stream) => stream.name);
  return {
    publish: [
      jobSubject('*', '*', 'failed', '*'),
      // A job whose enhancer gave up goes on with its own prompt.
      jobSubject('wan-enhanced', '*', 'enhanced', '*'),
      ...outsideWorkersRights(),
      'ourvidz.account.*',
      // A receiver that answers 410 wants no more.
      webhookSubject('*'),
      '$JS.API.INFO',
      ...created.flatMap((name) => [
        `$JS.API.STREAM.CREATE.${name}`,
        `$JS.API.STREAM.UPDATE.${name}`,
        `$JS.API.STREAM.INFO.${name}`,
        `$JS.API.CONSUMER.CREATE.${name}.>`,
        // Consumers with several filters are made under this subject.
        `$JS.API.CONSUMER.DURABLE.CREATE.${name}.*`,
        `$JS.API.CONSUMER.INFO.${name}.*`,
      ]),
      // Both are filled again from the log when they are lost.
      ...[JOB_STREAM, ACCOUNT_STREAM].flatMap(seed),
      ...[JOB_STREAM.name, ACCOUNT_STREAM.name, DEAD_LETTER_STREAM.name].flatMap(readStream),
      ...pull(DEAD_LETTER_CONSUMER),
    ],
    subscribe: [
      `${inboxPrefix('jobs')}.>`,
      querySubject('>'),
      commandSubject('>'),
      releaseSubject('*'),
      progressSubject('*'),
      liveSubject('ourvidz.>'),
    ],
    allowResponses: true,
  };
}

/** What jobs does for workers that do not speak NATS. */
function outsideWorkersRights(): string[] {
  const engines = [...new Set(QUEUE_NAMES.flatMap(generatingEngines))];
  const tokens: readonly JobEventToken[] = ['started', 'asset', 'completed'];
  return [
    ...tokens.map((token) => jobSubject('*', '*', token, '*')),
    ...(['sdxl', 'wan'] as const).map((route) => jobSubject(route, '*', 'enhanced', '*')),
    progressSubject('*'),
    ...engines.map((engine) => workerSubject(engine, '*')),
    ...engines.flatMap((engine) => LANES.flatMap((lane) => pull(workConsumer(engine, lane)))),
  ];
}

/** What operators do by hand: fill lost streams, ask for a failed job again, put dead letters away. */
function eventsToolRights(): Rights {
  const seeded = [JOB_STREAM, ACCOUNT_STREAM];
  return {
    publish: [
      jobSubject('*', '*', 'requested', '*'),
      'ourvidz.account.*',
      ...seeded.flatMap(seed),
      ...seeded.flatMap(({ name }) => [`$JS.API.STREAM.CREATE.${name}`, `$JS.API.STREAM.UPDATE.${name}`]),
      ...STREAMS.flatMap(({ name }) => readStream(name)),
      `$JS.API.STREAM.MSG.DELETE.${DEAD_LETTER_STREAM.name}`,
    ],
    subscribe: [`${inboxPrefix('events-tool')}.>`, liveSubject('ourvidz.>')],
    allowResponses: false,
  };
}

/** Of the workers that make pictures and videos. */
function generationWorkerRights(service: ServiceName, engine: EngineName): Rights {
  const rights = workerRights(service, engine, ['started', 'asset', 'completed', 'failed']);
  return { ...rights, publish: [...rights.publish, livePreviewSubject('*')] };
}

function workerRights(service: ServiceName, engine: EngineName, tokens: readonly JobEventToken[]): Rights {
  const routes = ROUTES.filter((route) => ROUTE_ENGINES[route].includes(engine));
  return {
    publish: [
      ...routes.flatMap((route) => tokens.map((token) => jobSubject(route, '*', token, '*'))),
      progressSubject('*'),
      workerSubject(engine, '*'),
      ...readStream(JOB_STREAM.name),
      ...LANES.flatMap((lane) => pull(workConsumer(engine, lane))),
    ],
    subscribe: [`${inboxPrefix(service)}.>`, cancelSubject('*'), ...workFilters(engine, '*').map(liveSubject)],
    allowResponses: false,
  };
}

/** Neither does anything to a stream that is open: it does not listen to what it is filled with, and denies purges. */
function seed({ name, subjects }: StreamSpec): string[] {
  return [...subjects.map(seedSubject), `$JS.API.STREAM.PURGE.${name}`];
}

function readStream(name: string): string[] {
  return [
    `$JS.API.STREAM.INFO.${name}`,
    `$JS.API.STREAM.MSG.GET.${name}`,
    `$JS.API.DIRECT.GET.${name}`,
    `$JS.API.DIRECT.GET.${name}.>`,
  ];
}

function pull({ stream, name }: ConsumerSpec): string[] {
  return [`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, `$JS.ACK.${stream}.${name}.>`, consumerInfo({ stream, name })];
}

function consumerInfo({ stream, name }: Pick<ConsumerSpec, 'stream' | 'name'>): string {
  return `$JS.API.CONSUMER.INFO.${stream}.${name}`;
}
