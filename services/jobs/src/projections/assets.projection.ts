/** Every file that jobs made and nobody deleted, for lists. */
import type { AssetStored, JobCompleted, JobRequested } from '#contracts/events/job-events.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import type { Transaction } from '../database/database.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import type { Projection, TableNames } from './projection.js';

type AssetEvent = LoggedEvent<'JobRequested' | 'AssetStored' | 'JobCompleted' | 'AssetDeleted'>;

/** What events of one batch mean for the assets, before any row is read. */
export interface AssetChanges {
  readonly requested: ReadonlyMap<string, JobRequested>;
  /** The newest form of each asset by its id. */
  readonly stored: ReadonlyMap<
    string,
    { readonly asset: StoredAsset; readonly jobId: string; readonly position: number }
  >;
  /** Ids of those that are gone for good. A stored event that comes after brings none back. */
  readonly deleted: ReadonlyMap<string, { readonly jobId: string; readonly time: string; readonly position: number }>;
}

export function assetChanges(events: readonly AssetEvent[]): AssetChanges {
  const changes = {
    requested: new Map<string, JobRequested>(),
    stored: new Map<string, { asset: StoredAsset; jobId: string; position: number }>(),
    deleted: new Map<string, { jobId: string; time: string; position: number }>(),
  };
  for (const event of events) {
    if (event.type === 'JobRequested') changes.requested.set(event.data.jobId, event.data);
    else if (event.type === 'AssetDeleted') changes.deleted.set(event.data.assetId, deletedBy(event));
    else for (const asset of event.data.assets) changes.stored.set(asset.id, storedIn(event, asset));
  }
  return changes;
}

function storedIn({ data, position }: { data: AssetStored | JobCompleted; position: number }, asset: StoredAsset) {
  return { asset, jobId: data.jobId, position };
}

function deletedBy({ data, time, position }: LoggedEvent<'AssetDeleted'>) {
  return { jobId: data.jobId, time, position };
}

export const assetsProjection: Projection = {
  name: 'assets',
  version: 1,
  takes: ['JobRequested', 'AssetStored', 'JobCompleted', 'AssetDeleted'],
  tables: ['assets', 'asset_jobs'],
  createTables,
  apply,
};

/** A deleted asset stays as a row without content, so that nothing brings it back. */
async function createTables(tx: Transaction, named: TableNames): Promise<void> {
  const assets = named('assets');
  await tx.query(`create table ${assets} (
    id uuid primary key,
    job_id uuid not null,
    account_key text not null,
    job_type text not null,
    format text not null,
    stored_at timestamptz not null,
    asset jsonb,
    deleted boolean not null,
    position bigint not null
  )`);
  await tx.query(`create index on ${assets} (account_key, stored_at desc, id desc) where not deleted`);
  await tx.query(`create index on ${assets} (account_key, format, stored_at desc, id desc) where not deleted`);
  await tx.query(`create index on ${assets} (job_id)`);
  // The events of assets do not say whose they are; the job's request does. Without one there is no job, and no asset.
  await tx.query(`create table ${named('asset_jobs')} (
    job_id uuid primary key,
    account_key text not null,
    job_type text not null,
    format text not null
  )`);
}

async function apply(tx: Transaction, named: TableNames, events: readonly LoggedEvent[]): Promise<void> {
  const changes = assetChanges(events as readonly AssetEvent[]);
  await rememberJobs(tx, named, [...changes.requested.values()]);
  await storeAssets(tx, named, changes);
  await deleteAssets(tx, named, changes);
}

async function rememberJobs(tx: Transaction, named: TableNames, requests: readonly JobRequested[]): Promise<void> {
  if (requests.length === 0) return;
  await tx.query(
    `insert into ${named('asset_jobs')} (job_id, account_key, job_type, format)
     select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
     on conflict do nothing`,
    [
      requests.map((request) => request.jobId),
      requests.map((request) => request.accountKey),
      requests.map((request) => request.jobType),
      requests.map((request) => JOB_CATALOGUE[request.jobType].format),
    ],
  );
}

async function storeAssets(tx: Transaction, named: TableNames, { stored }: AssetChanges): Promise<void> {
  if (stored.size === 0) return;
  const rows = [...stored.values()].map(({ asset, jobId, position }) => ({
    id: asset.id,
    job_id: jobId,
    stored_at: asset.storedAt,
    asset,
    position,
  }));
  await tx.query(
    `insert into ${named('assets')} as old (id, job_id, account_key, job_type, format, stored_at, asset, deleted, position)
     select new.id, new.job_id, job.account_key, job.job_type, job.format, new.stored_at, new.asset, false, new.position
       from jsonb_to_recordset($1::jsonb)
            as new (id uuid, job_id uuid, stored_at timestamptz, asset jsonb, position bigint)
       join ${named('asset_jobs')} job on job.job_id = new.job_id
     on conflict (id) do update set stored_at = excluded.stored_at, asset = excluded.asset, position = excluded.position
      where not old.deleted and old.position < excluded.position`,
    [JSON.stringify(rows)],
  );
}

async function deleteAssets(tx: Transaction, named: TableNames, { deleted }: AssetChanges): Promise<void> {
  if (deleted.size === 0) return;
  const rows = [...deleted].map(([id, { jobId, time, position }]) => ({
    id,
    job_id: jobId,
    stored_at: time,
    position,
  }));
  await tx.query(
    `insert into ${named('assets')} as old (id, job_id, account_key, job_type, format, stored_at, asset, deleted, position)
     select gone.id, gone.job_id, job.account_key, job.job_type, job.format, gone.stored_at, null, true, gone.position
       from jsonb_to_recordset($1::jsonb) as gone (id uuid, job_id uuid, stored_at timestamptz, position bigint)
       join ${named('asset_jobs')} job on job.job_id = gone.job_id
     on conflict (id) do update set asset = null, deleted = true, position = excluded.position where not old.deleted`,
    [JSON.stringify(rows)],
  );
}
