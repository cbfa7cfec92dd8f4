/** The usage log: what every job cost, one row for each. */
import type { JobRequested } from '#contracts/events/job-events.js';
import type { Usage } from '#contracts/queries.js';
import type { Transaction } from '../database/database.js';
import { grouped } from '../event-log/histories.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import type { Projection, TableNames } from './projection.js';

type UsageEvent = LoggedEvent<'JobRequested' | 'CreditsReserved' | 'CreditsCharged' | 'CreditsReleased'>;

/** The request is not known before the job appears: the streams are logged one beside the other. */
type KnownUsage = Omit<Usage, 'request' | 'requestedAt'> & Partial<Usage>;

interface ProjectedUsage {
  readonly usage: KnownUsage;
  /** Position of the last event that it holds: what was applied once is not applied again. */
  readonly position: number;
}

/** What a job cost after its next events, in whatever order the two streams came into the log. */
export function projectUsage(
  known: ProjectedUsage | undefined,
  events: readonly UsageEvent[],
): ProjectedUsage | undefined {
  return events.reduce<ProjectedUsage | undefined>((before, event) => {
    if (before && event.position <= before.position) return before;
    return { usage: next(before?.usage ?? nothingYet(event), event), position: event.position };
  }, known);
}

function nothingYet({ data: { jobId, accountKey } }: UsageEvent): KnownUsage {
  return { jobId, accountKey, status: 'unreserved', credits: 0 };
}

function next(usage: KnownUsage, event: UsageEvent): KnownUsage {
  if (event.type === 'JobRequested') return { ...usage, request: requestOf(event.data), requestedAt: event.time };
  // A request that came twice may reserve once more after the charge; that reservation is given back.
  if (usage.status === 'charged') return usage;
  const { amount } = event.data;
  if (event.type === 'CreditsReserved') return { ...usage, status: 'reserved', credits: amount, settledAt: undefined };
  const settled = { ...usage, settledAt: event.time };
  return event.type === 'CreditsCharged'
    ? { ...settled, status: 'charged', credits: amount }
    : { ...settled, status: 'released', credits: 0 };
}

function requestOf({ userId, jobType, projectId, imageId, videoId }: JobRequested): Usage['request'] {
  return { userId, jobType, projectId, imageId, videoId };
}

export const usageProjection: Projection = {
  name: 'usage',
  version: 1,
  takes: ['JobRequested', 'CreditsReserved', 'CreditsCharged', 'CreditsReleased'],
  tables: ['usage_log'],
  createTables,
  apply,
};

async function createTables(tx: Transaction, named: TableNames): Promise<void> {
  const usage = named('usage_log');
  await tx.query(`create table ${usage} (
    job_id uuid primary key,
    account_key text not null,
    job_type text,
    requested_at timestamptz,
    status text not null,
    credits bigint not null,
    state jsonb not null,
    position bigint not null
  )`);
  await tx.query(
    `create index on ${usage} (account_key, requested_at desc, job_id desc) where requested_at is not null`,
  );
  await tx.query(
    `create index on ${usage} (account_key, job_type, requested_at desc, job_id desc) where requested_at is not null`,
  );
}

async function apply(tx: Transaction, named: TableNames, events: readonly LoggedEvent[]): Promise<void> {
  const histories = grouped(events as readonly UsageEvent[], (event) => event.data.jobId);
  const known = await load(tx, named, [...histories.keys()]);
  const changed = [...histories].flatMap(([jobId, history]) => {
    const before = known.get(jobId);
    const after = projectUsage(before, history);
    return after === undefined || after === before ? [] : [after];
  });
  await store(tx, named, changed);
}

async function load(tx: Transaction, named: TableNames, ids: readonly string[]): Promise<Map<string, ProjectedUsage>> {
  const rows = await tx.query<{ state: KnownUsage; position: number }>(
    `select state, position from ${named('usage_log')} where job_id = any($1::uuid[])`,
    [ids],
  );
  return new Map(rows.map(({ state, position }) => [state.jobId, { usage: state, position }]));
}

async function store(tx: Transaction, named: TableNames, usages: readonly ProjectedUsage[]): Promise<void> {
  if (usages.length === 0) return;
  await tx.query(
    `insert into ${named('usage_log')} (job_id, account_key, job_type, requested_at, status, credits, state, position)
     select job_id, account_key, job_type, requested_at, status, credits, state, position
       from jsonb_to_recordset($1::jsonb) as new (
         job_id uuid, account_key text, job_type text, requested_at timestamptz, status text, credits bigint,
         state jsonb, position bigint)
     on conflict (job_id) do update set
       job_type = excluded.job_type, requested_at = excluded.requested_at, status = excluded.status,
       credits = excluded.credits, state = excluded.state, position = excluded.position`,
    [JSON.stringify(usages.map(rowOf))],
  );
}

function rowOf({ usage, position }: ProjectedUsage): object {
  const { jobId, accountKey, request, requestedAt, status, credits } = usage;
  const job = { job_id: jobId, account_key: accountKey, job_type: request?.jobType, requested_at: requestedAt };
  return { ...job, status, credits, state: usage, position };
}
