/** Whether the event log is the stream, gap-free and once, and the projections are what it tells. */
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { foldJob, type Job, liveAssets } from '#contracts/domain/job.js';
import type { RawEvent } from '#eventing/log-reader.js';
import { historyEvent, type StreamCopy } from './stream-copy.js';
import { doubled, type Finding, lost, repeated, wrong } from './verdict.js';

interface LogRow {
  readonly stream: string;
  readonly position: string;
  readonly event_id: string;
  readonly stream_seq: string;
  readonly stream_epoch: number;
  readonly type: string;
  readonly subject_id: string;
  readonly data: unknown;
  readonly occurred_at: Date;
  readonly sound: boolean;
}

const ROWS = `
  select stream, position, event_id, stream_seq, stream_epoch, type || '.v' || schema_version as type, subject_id, data,
         occurred_at, hash = event_hash(lag(hash) over (partition by subject_id order by position), event_id, type,
                                        schema_version, subject_id, occurred_at, data) as sound
    from events order by position`;

/** How far the log and the slowest projection are. */
const PROGRESS = `
  select (select position from log_head) as logged, (select min(position) from projections where live) as projected`;

/** Whether log and projections have everything that the streams had. */
export async function isCaughtUp(database: pg.Client, events: number): Promise<boolean> {
  const { rows } = await database.query<{ logged: string; projected: string }>(PROGRESS);
  return Number(rows[0]?.logged) >= events && Number(rows[0]?.projected) >= events;
}

export async function auditLog(database: pg.Client, jobs: StreamCopy, accounts: StreamCopy): Promise<Finding[]> {
  const { rows } = await database.query<LogRow>(ROWS);
  const jobRows = rows.filter(({ stream }) => stream === jobs.stream);
  return [
    ...auditRows(rows),
    ...compareWithStream(jobRows, jobs),
    ...compareWithStream(
      rows.filter(({ stream }) => stream === accounts.stream),
      accounts,
    ),
    ...(await auditJobs(database, jobRows)),
    ...(await auditAssets(database, jobs.jobs())),
    ...(await auditParked(database)),
  ];
}

function auditRows(rows: readonly LogRow[]): Finding[] {
  const gap = rows.find(({ position }, at) => Number(position) !== at + 1);
  return [
    ...(gap ? [wrong(`the log has a gap before position ${gap.position}`)] : []),
    ...repeated(rows.map(({ event_id }) => event_id)).map((id) => doubled(`event ${id} is in the log twice`)),
    ...rows.filter(({ sound }) => !sound).map(({ position }) => wrong(`the hash at position ${position} is not right`)),
  ];
}

function compareWithStream(rows: readonly LogRow[], { stream, events }: StreamCopy): Finding[] {
  const epochs = new Set(rows.map(({ stream_epoch }) => stream_epoch));
  const logged = new Map(rows.map((row) => [row.event_id, row]));
  const streamed = new Set(events.map(({ id }) => id));
  const strange = rows.filter(({ event_id }) => !streamed.has(event_id));
  return [
    ...(epochs.size > 1 ? [wrong(`the log took ${stream} for ${epochs.size} different streams`)] : []),
    ...events.flatMap((event) => compareEvent(event, logged.get(event.id))),
    ...strange.map(({ event_id }) => wrong(`event ${event_id} is in the log and not in the stream`)),
  ];
}

function compareEvent(event: RawEvent, row: LogRow | undefined): Finding[] {
  if (!row) return [lost(`event ${event.id} about ${event.subjectId} is not in the log`)];
  const same =
    Number(row.stream_seq) === event.sequence &&
    row.type === event.cloudEventType &&
    row.subject_id === event.subjectId &&
    isDeepStrictEqual(row.data, event.data);
  return same ? [] : [wrong(`event ${event.id} is another one in the log than in the stream`)];
}

/** The `jobs` projection against a fresh fold of the log. */
async function auditJobs(database: pg.Client, rows: readonly LogRow[]): Promise<Finding[]> {
  const found = await database.query<{ id: string; state: unknown; status: string }>(
    'select id, state, status from jobs',
  );
  const projected = new Map(found.rows.map((row) => [row.id, row]));
  const folded = Map.groupBy(rows, ({ subject_id }) => subject_id);
  const findings = [...folded].flatMap(([id, history]) => {
    const job = foldJob(history.map(loggedEvent));
    const row = projected.get(id);
    if (row?.status === job?.status && isDeepStrictEqual(row?.state, asJson(job))) return [];
    return [
      wrong(`job ${id} is ${row?.status} in the projection, and ${job?.status} by the log, or differs in detail`),
    ];
  });
  const strange = [...projected.keys()].filter((id) => !folded.has(id));
  return [...findings, ...strange.map((id) => wrong(`job ${id} is in the projection and not in the log`))];
}

/** The `assets` projection against the assets that are there by the folds. */
async function auditAssets(database: pg.Client, jobs: ReadonlyMap<string, Job>): Promise<Finding[]> {
  const { rows } = await database.query<{ id: string; asset: { sha256: string } }>(
    'select id, asset from assets where not deleted',
  );
  const expected = new Map([...jobs.values()].flatMap(liveAssets).map(({ id, sha256 }) => [id, sha256]));
  const projected = new Map(rows.map(({ id, asset }) => [id, asset.sha256]));
  const ids = new Set([...expected.keys(), ...projected.keys()]);
  const different = [...ids].filter((id) => expected.get(id) !== projected.get(id));
  return different.map((id) => wrong(`asset ${id} is ${projected.get(id)} in the projection, not ${expected.get(id)}`));
}

async function auditParked(database: pg.Client): Promise<Finding[]> {
  const { rows } = await database.query<{ subject_id: string; error: string }>(
    'select subject_id, error from projection_parked',
  );
  return rows.map(({ subject_id, error }) => wrong(`an event of ${subject_id} is parked: ${error}`));
}

function loggedEvent({ type, event_id, stream_seq, subject_id, data, occurred_at }: LogRow) {
  const time = occurred_at.toISOString();
  const raw = { cloudEventType: type, id: event_id, time, sequence: Number(stream_seq), data, subjectId: subject_id };
  return historyEvent({ ...raw, subject: '', source: '', storedAt: time });
}

function asJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
