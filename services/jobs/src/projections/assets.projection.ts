/** Every file that jobs made and nobody deleted, for lists. */
import type { AssetFavorited, AssetStored, JobCompleted, JobRequested } from '#contracts/events/job-events.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import type { Transaction } from '../database/database.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import type { Projection, TableNames } from './projection.js';
import { searchable } from './searchable.js';

const TAKES = [
  'JobRequested',
  'PromptEnhanced',
  'AssetStored',
  'JobCompleted',
  'AssetFavorited',
  'AssetDeleted',
] as const;

type AssetEvent = LoggedEvent<(typeof TAKES)[number]>;

/** What events of one batch mean for the assets, before any row is read. */
export interface AssetChanges {
  readonly requested: ReadonlyMap<string, JobRequested>;
  /** The enhanced prompt of each job by its id. */
  readonly enhanced: ReadonlyMap<string, string>;
  /** The newest form of each asset by its id. */
  readonly stored: ReadonlyMap<
    string,
    { readonly asset: StoredAsset; readonly jobId: string; readonly position: number }
  >;
  /** Whether each asset is a favourite, by its id. */
  readonly favorites: ReadonlyMap<string, { readonly favorite: boolean; readonly position: number }>;
  /** Ids of those that are gone for good. A stored event that comes after brings none back. */
  readonly deleted: ReadonlyMap<string, { readonly jobId: string; readonly time: string; readonly position: number }>;
}

export function assetChanges(events: readonly AssetEvent[]): AssetChanges {
  const changes = {
    requested: new Map<string, JobRequested>(),
    enhanced: new Map<string, string>(),
    favorites: new Map<string, { favorite: boolean; position: number }>(),
    stored: new Map<string, { asset: StoredAsset; jobId: string; position: number }>(),
    deleted: new Map<string, { jobId: string; time: string; position: number }>(),
  };
  for (const event of events) {
    switch (event.type) {
      case 'JobRequested':
        changes.requested.set(event.data.jobId, event.data);
        break;
      case 'PromptEnhanced':
        if (event.data.enhanced) changes.enhanced.set(event.data.jobId, event.data.enhanced.text);
        break;
      case 'AssetFavorited':
        changes.favorites.set(event.data.assetId, favoriteIn(event));
        break;
      case 'AssetDeleted':
        changes.deleted.set(event.data.assetId, deletedBy(event));
        break;
      default:
        for (const asset of event.data.assets) changes.stored.set(asset.id, storedIn(event, asset));
    }
  }
  return changes;
}

function favoriteIn({ data, position }: { data: AssetFavorited; position: number }) {
  return { favorite: data.favorite, position };
}

function storedIn({ data, position }: { data: AssetStored | JobCompleted; position: number }, asset: StoredAsset) {
  return { asset, jobId: data.jobId, position };
}

function deletedBy({ data, time, position }: LoggedEvent<'AssetDeleted'>) {
  return { jobId: data.jobId, time, position };
}

export const assetsProjection: Projection = {
  name: 'assets',
  version: 2,
  takes: TAKES,
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
    project_id uuid,
    favorite boolean not null default false,
    -- Of the event that says so: like position, what was applied once is not applied again.
    favorite_position bigint not null default 0,
    deleted boolean not null,
    position bigint not null
  )`);
  await tx.query(`create index on ${assets} (account_key, stored_at desc, id desc) where not deleted`);
  await tx.query(`create index on ${assets} (account_key, format, stored_at desc, id desc) where not deleted`);
  await tx.query(`create index on ${assets} (account_key, stored_at desc, id desc) where favorite and not deleted`);
  await tx.query(
    `create index on ${assets} (account_key, project_id, stored_at desc, id desc) where project_id is not null and not deleted`,
  );
  await tx.query(`create index on ${assets} (job_id)`);
  // The events of assets do not say whose they are; the job's request does. Without one there is no job, and no asset.
  await tx.query(`create table ${named('asset_jobs')} (
    job_id uuid primary key,
    account_key text not null,
    job_type text not null,
    format text not null,
    project_id uuid,
    -- Both in the form in which they are searched.
    prompt text not null,
    enhanced text not null default ''
  )`);
}

async function apply(tx: Transaction, named: TableNames, events: readonly LoggedEvent[]): Promise<void> {
  const changes = assetChanges(events as readonly AssetEvent[]);
  await rememberJobs(tx, named, [...changes.requested.values()]);
  await rememberEnhanced(tx, named, changes);
  await storeAssets(tx, named, changes);
  await markFavorites(tx, named, changes);
  await deleteAssets(tx, named, changes);
}

async function rememberJobs(tx: Transaction, named: TableNames, requests: readonly JobRequested[]): Promise<void> {
  if (requests.length === 0) return;
  await tx.query(
    `insert into ${named('asset_jobs')} (job_id, account_key, job_type, format, project_id, prompt)
     select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[])
     on conflict do nothing`,
    [
      requests.map((request) => request.jobId),
      requests.map((request) => request.accountKey),
      requests.map((request) => request.jobType),
      requests.map((request) => JOB_CATALOGUE[request.jobType].format),
      requests.map((request) => request.projectId ?? null),
      requests.map((request) => searchable(request.prompt.text)),
    ],
  );
}

async function rememberEnhanced(tx: Transaction, named: TableNames, { enhanced }: AssetChanges): Promise<void> {
  if (enhanced.size === 0) return;
  await tx.query(
    `update ${named('asset_jobs')} job set enhanced = new.enhanced
       from unnest($1::uuid[], $2::text[]) as new (job_id, enhanced) where job.job_id = new.job_id`,
    [[...enhanced.keys()], [...enhanced.values()].map(searchable)],
  );
}

async function markFavorites(tx: Transaction, named: TableNames, { favorites }: AssetChanges): Promise<void> {
  if (favorites.size === 0) return;
  const rows = [...favorites].map(([id, { favorite, position }]) => ({ id, favorite, position }));
  await tx.query(
    `update ${named('assets')} asset set favorite = new.favorite, favorite_position = new.position
       from jsonb_to_recordset($1::jsonb) as new (id uuid, favorite boolean, position bigint)
      where asset.id = new.id and asset.favorite_position < new.position`,
    [JSON.stringify(rows)],
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
    `insert into ${named('assets')} as old (id, job_id, account_key, job_type, format, project_id, stored_at, asset, deleted,
                                            position)
     select new.id, new.job_id, job.account_key, job.job_type, job.format, job.project_id, new.stored_at, new.asset, false,
            new.position
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
