/** One run: load and faults at the same time, then time to settle, then every question that can be asked from outside. */
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { ACK_WAIT_MS } from '#contracts/limits.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { pollFor } from '#launcher/poll.js';
import { findProcess } from '#launcher/process-table.js';
import { createLog } from '#service-kit/log.js';
import {
  accountsIn,
  auditAccountTables,
  auditLedger,
  countSettlements,
  type Ledger,
  openReservations,
  type Settlements,
} from './account-audit.js';
import { auditServedAssets, auditStoredFiles } from './asset-audit.js';
import type { ChaosOptions } from './chaos-options.js';
import { Clients } from './clients.js';
import { type FaultDone, FaultRunner } from './fault-runner.js';
import { planFaults } from './fault-schedule.js';
import { auditLog, isCaughtUp } from './log-audit.js';
import type { Tell } from './on-stage.js';
import { longestWaits, type Waits } from './recovery.js';
import type { Stage } from './stage.js';
import { auditConsumers, auditStream, waitingMessages } from './stream-audit.js';
import { StreamCopy } from './stream-copy.js';
import { type Finding, wrong } from './verdict.js';

/** All that is to be told of a run. */
export interface ChaosResult {
  readonly options: ChaosOptions;
  readonly faults: readonly FaultDone[];
  readonly accepted: number;
  /** POSTs whose answer left open whether the job was stored, and how many of them were. */
  readonly unanswered: { readonly posts: number; readonly jobs: number };
  /** Jobs by the way in which they ended. */
  readonly jobs: Readonly<Record<string, number>>;
  readonly assets: number;
  readonly events: number;
  readonly watchers: number;
  readonly settlements: Settlements;
  readonly waits: Waits;
  readonly findings: readonly Finding[];
}

const SETTLE_MS = 120_000;
/** A reservation whose job never appeared is released within a minute. */
const RESERVATIONS_MS = 60_000;
const CATCH_UP_MS = 30_000;

/**
 * Leaves the services of the stage stopped.
 *
 * @param beside what else goes on, until it is told that load and faults are over
 */
export async function runChaos(
  stage: Stage,
  options: ChaosOptions,
  tell: Tell,
  beside: (over: AbortSignal) => Promise<void> = async () => undefined,
): Promise<ChaosResult> {
  const { platform, gatewayUrls: urls } = stage;
  const clients = new Clients({ urls, token: (user) => platform.token(user) });
  const runner = new FaultRunner(stage, tell);
  const { seed, faultEveryMs: everyMs, seconds } = options;
  const faults = planFaults(stage.targets, { seed, everyMs, untilMs: seconds * 1_000 });
  tell(`${options.jobs} jobs in ${seconds} s under ${faults.length} faults, seed ${seed}`);
  const over = new AbortController();
  const loaded = Promise.all([clients.run(options), runner.run(faults)]).finally(() => over.abort());
  await Promise.all([loaded, beside(over.signal)]);
  tell('no more faults; waiting for the last jobs');
  return conclude(stage, { options, clients, faults: runner.done });
}

interface Happened {
  readonly options: ChaosOptions;
  readonly clients: Clients;
  readonly faults: readonly FaultDone[];
}

async function conclude(stage: Stage, happened: Happened): Promise<ChaosResult> {
  const database = new pg.Client(stage.postgres.url);
  await database.connect();
  const bus = await connectAsAuditor(stage);
  try {
    const witnesses = { bus, copy: new StreamCopy(bus), accounts: new StreamCopy(bus, ACCOUNT_STREAM.name), database };
    await settle(witnesses);
    const ledger: Ledger = { accounts: accountsIn(witnesses.accounts.events), jobs: witnesses.copy.jobs() };
    const creditFindings = auditLedger(ledger);
    const findings = [...creditFindings, ...(await audit(stage, happened.clients, witnesses, ledger))];
    const settlements = countSettlements(ledger, creditFindings);
    return resultOf(happened, witnesses.copy, { settlements, findings });
  } finally {
    await bus.close();
    await database.end();
  }
}

/** Of the users that NATS knows, the jobs service may read everything. */
async function connectAsAuditor({ platform }: Stage): Promise<Bus> {
  const credentials = await readFile(platform.credentialsOf('jobs'), 'utf8');
  return connectBus({ url: platform.nats.url, credentials, service: 'jobs', log: createLog('audit', 'error') });
}

/** Waits until every job has ended and everything is logged; what is not by then is stuck. */
async function settle({ bus, copy, accounts, database }: Witnesses): Promise<void> {
  await pollFor(SETTLE_MS, async () => {
    await copy.catchUp();
    return copy.open().length === 0 || undefined;
  });
  // A message that its last reader did not answer comes again after `ack_wait`.
  await pollFor(2 * ACK_WAIT_MS, async () => (await waitingMessages(bus)).length === 0 || undefined);
  await pollFor(RESERVATIONS_MS, async () => {
    await accounts.catchUp();
    return openReservations(accountsIn(accounts.events)).length === 0 || undefined;
  });
  await pollFor(CATCH_UP_MS, async () => {
    await copy.catchUp();
    await accounts.catchUp();
    return (await isCaughtUp(database, copy.events.length + accounts.events.length)) || undefined;
  });
}

interface Witnesses {
  readonly bus: Bus;
  readonly copy: StreamCopy;
  readonly accounts: StreamCopy;
  readonly database: pg.Client;
}

async function audit(
  stage: Stage,
  clients: Clients,
  { bus, copy, accounts, database }: Witnesses,
  ledger: Ledger,
): Promise<Finding[]> {
  const jobs = [...copy.jobs().values()];
  const { posts, deletions, tellings } = clients;
  return [
    ...auditStream(copy, { posts, deletions, tellings }),
    ...(await auditLog(database, copy, accounts)),
    ...(await auditAccountTables(database, ledger)),
    ...(await auditServedAssets(jobs, (user, path) => clients.ask(user, path))),
    ...(await auditStoredFiles(stage.assets.root, jobs)),
    ...(await auditConsumers(bus)),
    ...(await auditProcesses(stage)),
  ];
}

/** All services are told to stop: each must, cleanly, and none of the processes that ever ran may be left. */
async function auditProcesses(stage: Stage): Promise<Finding[]> {
  await stage.stopServices();
  const slots = [...stage.slots.values()];
  const pids = slots.flatMap((slot) => slot.pids);
  const left = (await Promise.all(pids.map(findProcess))).filter((found) => found !== undefined);
  return [
    ...slots.flatMap((slot) => slot.uncleanEnds).map(({ name, how }) => wrong(`${name} ${how}`)),
    ...left.map(({ command }) => wrong(`a process is left over: ${command}`)),
  ];
}

function resultOf(
  { options, clients, faults }: Happened,
  copy: StreamCopy,
  audited: Pick<ChaosResult, 'settlements' | 'findings'>,
): ChaosResult {
  const { posts, tellings } = clients;
  const jobs = [...copy.jobs().values()];
  const unknown = new Set(posts.filter(({ outcome }) => outcome === 'unknown').map(({ key }) => key));
  return {
    options,
    faults,
    accepted: posts.filter(({ outcome }) => outcome === 'accepted').length,
    unanswered: {
      posts: unknown.size,
      jobs: jobs.filter(({ requested }) => unknown.has(String(requested.clientMetadata?.chaos_key))).length,
    },
    jobs: countBy(jobs.map(({ status }) => status)),
    assets: jobs.reduce((sum, job) => sum + job.assets.length, 0),
    events: copy.events.length,
    watchers: tellings.length,
    waits: longestWaits(
      copy.histories.values(),
      faults.map(({ endedAt }) => endedAt),
    ),
    ...audited,
  };
}

/** How often each word comes. */
export function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
