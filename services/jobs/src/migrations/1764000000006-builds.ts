import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A version of a projection may be built again beside itself, or as of a moment of the past: a row of `projections` is one
 * build, with tables of its own. `tables` says which, so that a program of another version can show or drop them.
 */
export class Builds1764000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  `alter table projections
     add column build integer not null default 1,
     add column tables text[] not null default '{}',
     -- When readers were last shown it; null: it is new.
     add column shown_at timestamptz,
     -- What it is built up to, where it is a past state that never goes live.
     add column as_of timestamptz,
     add column begun_at timestamptz not null default now()`,
  'alter table projections alter column build drop default, alter column tables drop default',

  // The tables that there were until now.
  `update projections set tables = (
     select coalesce(array_agg(known.name), '{}')
       from (values ('jobs', 'jobs'), ('assets', 'assets'), ('assets', 'asset_jobs'), ('projects', 'projects'),
                    ('accounts', 'accounts'), ('usage', 'usage_log'), ('webhooks', 'webhooks'),
                    ('queue-statistics', 'counted_jobs'), ('queue-statistics', 'hourly_outcomes'),
                    ('queue-statistics', 'hourly_durations')) as known (projection, name)
      where known.projection = projections.name and to_regclass(known.name || '_v' || version) is not null)`,
  // What is older than the live version was live before it.
  `update projections set shown_at = now() where version <= (
     select version from projections live where live.name = projections.name and live.live)`,

  'alter table projection_parked add column build integer not null default 1',
  'alter table projection_parked alter column build drop default',
  'alter table projection_parked drop constraint projection_parked_name_version_fkey',
  'alter table projections drop constraint projections_pkey, add primary key (name, version, build)',
  'create unique index projections_one_past on projections (name, as_of) where as_of is not null',
  `alter table projection_parked drop constraint projection_parked_pkey,
     add primary key (name, version, build, position),
     add foreign key (name, version, build) references projections on delete cascade`,
  'drop index projection_parked_subject',
  'create index projection_parked_subject on projection_parked (name, version, build, subject_id)',

  // The service leaves these alone until they are resumed, whatever build is live.
  `create table projection_pauses (
    name text primary key,
    since timestamptz not null default now()
  )`,
];

/** Builds beside the first of a version are forgotten with their tables left: only an empty database goes back so far. */
const DOWN = [
  'drop table projection_pauses',
  'delete from projections where build > 1',
  'drop index projection_parked_subject',
  `alter table projection_parked drop constraint projection_parked_name_version_build_fkey,
     drop constraint projection_parked_pkey`,
  'drop index projections_one_past',
  'alter table projections drop constraint projections_pkey',
  `alter table projections drop column build, drop column tables, drop column shown_at, drop column as_of,
     drop column begun_at, add primary key (name, version)`,
  `alter table projection_parked drop column build, add primary key (name, version, position),
     add foreign key (name, version) references projections on delete cascade`,
  'create index projection_parked_subject on projection_parked (name, version, subject_id)',
];
