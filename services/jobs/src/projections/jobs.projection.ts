/** Every job as its events tell it, for lists, for single jobs that the stream has let go, and for deadlines. */
import { evolve, isEnded, type Job } from '#contracts/domain/job.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import type { Transaction } from '../database/database.js';
import { grouped } from '../event-log/histories.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import type { Projection, TableNames } from './projection.js';

type JobEvent = LoggedEvent<JobHistoryEvent['type']>;

interface ProjectedJob {
  readonly job: Job;
  /** Position of the last event that it holds: what was applied once is not applied again. */
  readonly position: number;
  /** When that event happened. */
  readonly lastEventAt: string;
}

/** A job after its next events, which may have been applied before. Undefined while no request is known. */
export function projectJob(known: ProjectedJob | undefined, events: readonly JobEvent[]): ProjectedJob | undefined {
  return events.reduce<ProjectedJob | undefined>((before, event) => {
    if (before && event.position <= before.position) return before;
    const job = evolve(before?.job, event);
    return job && { job, position: event.position, lastEventAt: event.time };
  }, known);
}

export const jobsProjection: Projection = {
  name: 'jobs',
  version: 3,
  takes: [
    'JobRequested',
    'PromptEnhanced',
    'JobStarted',
    'AssetStored',
    'JobCompleted',
    'JobFailed',
    'JobCancelled',
    'AssetDeleted',
    'AssetFavorited',
  ],
  tables: ['jobs'],
  createTables,
  apply,
};

/** Rows of up to a page's size are stored as they are: to compress a state takes longer than all else about it. */
async function createTables(tx: Transaction, named: TableNames): Promise<void> {
  const jobs = named('jobs');
  await tx.query(`create table ${jobs} (
    id uuid primary key,
    account_key text not null,
    job_type text not null,
    status text not null,
    project_id uuid,
    image_id uuid,
    video_id uuid,
    created_at timestamptz not null,
    started_at timestamptz,
    last_event_at timestamptz not null,
    ended_at timestamptz,
    -- What was open at a moment. The clocks of two services may tell of an end before the beginning.
    lifetime tstzrange not null generated always as (
      tstzrange(created_at, case when ended_at is not null then greatest(ended_at, created_at) end)) stored,
    state jsonb not null,
    position bigint not null
  ) with (toast_tuple_target = 8160)`);
  await tx.query(`create index on ${jobs} (account_key, created_at desc, id desc)`);
  await tx.query(`create index on ${jobs} (account_key, status, created_at desc, id desc)`);
  await tx.query(`create index on ${jobs} (account_key, job_type, created_at desc, id desc)`);
  for (const named of ['project_id', 'image_id', 'video_id']) {
    await tx.query(
      `create index on ${jobs} (account_key, ${named}, created_at desc, id desc) where ${named} is not null`,
    );
  }
  await tx.query(`create index on ${jobs} (started_at) where status = 'processing'`);
  await tx.query(`create index on ${jobs} using gist (lifetime)`);
}

async function apply(tx: Transaction, named: TableNames, events: readonly LoggedEvent[]): Promise<void> {
  const histories = grouped(events as readonly JobEvent[], (event) => event.data.jobId);
  const known = await load(tx, named, [...histories.keys()]);
  const changed = [...histories].map(([id, history]) => ({
    before: known.get(id),
    after: projectJob(known.get(id), history),
  }));
  await store(
    tx,
    named,
    changed.filter(({ before, after }) => after !== before).flatMap(({ after }) => after ?? []),
  );
}

async function load(tx: Transaction, named: TableNames, ids: readonly string[]): Promise<Map<string, ProjectedJob>> {
  const rows = await tx.query<{ id: string; state: Job; position: number; last_event_at: Date }>(
    `select id, state, position, last_event_at from ${named('jobs')} where id = any($1::uuid[])`,
    [ids],
  );
  return new Map(
    rows.map(({ id, state, position, last_event_at }) => [
      id,
      { job: state, position, lastEventAt: last_event_at.toISOString() },
    ]),
  );
}

async function store(tx: Transaction, named: TableNames, jobs: readonly ProjectedJob[]): Promise<void> {
  if (jobs.length === 0) return;
  await tx.query(
    `insert into ${named('jobs')} (id, account_key, job_type, status, project_id, image_id, video_id, created_at,
                                   started_at, last_event_at, ended_at, state, position)
     select id, account_key, job_type, status, project_id, image_id, video_id, created_at,
            started_at, last_event_at, ended_at, state, position
       from jsonb_to_recordset($1::jsonb) as new (
         id uuid, account_key text, job_type text, status text, project_id uuid, image_id uuid, video_id uuid,
         created_at timestamptz, started_at timestamptz, last_event_at timestamptz, ended_at timestamptz, state jsonb, position bigint)
     on conflict (id) do update set
       status = excluded.status, started_at = excluded.started_at, last_event_at = excluded.last_event_at,
       ended_at = excluded.ended_at, state = excluded.state, position = excluded.position`,
    [JSON.stringify(jobs.map(rowOf))],
  );
}

function rowOf({ job, position, lastEventAt }: ProjectedJob): object {
  const { jobId, accountKey, jobType, projectId, imageId, videoId } = job.requested;
  return {
    id: jobId,
    account_key: accountKey,
    job_type: jobType,
    status: job.status,
    project_id: projectId,
    image_id: imageId,
    video_id: videoId,
    created_at: job.requestedAt,
    started_at: job.startedAt,
    last_event_at: lastEventAt,
    ended_at: isEnded(job) ? job.endedAt : undefined,
    state: job,
    position,
  };
}
