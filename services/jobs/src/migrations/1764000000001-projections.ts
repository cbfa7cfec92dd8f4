import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the projections have in common. Their own tables (`jobs_v1`, …) are made by the projections themselves, so that
 * a new version can be built beside the live one.
 *
 * A row of `projections` is one version of one projection: how far it got, and whether readers see it. `live` and the
 * view under the projection's name change in one transaction. Whoever applies events to a version locks its row.
 */
export class Projections1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  `create table projections (
    name text not null,
    version integer not null,
    position bigint not null default 0,
    live boolean not null default false,
    primary key (name, version)
  )`,
  'create unique index projections_one_live on projections (name) where live',

  // Events that a projection could not handle, with all later ones of the same subject. The log keeps their data.
  `create table projection_parked (
    name text not null,
    version integer not null,
    position bigint not null,
    subject_id text not null,
    error text not null,
    parked_at timestamptz not null default now(),
    primary key (name, version, position),
    foreign key (name, version) references projections on delete cascade
  )`,
  'create index projection_parked_subject on projection_parked (name, version, subject_id)',
];

const DOWN = ['drop table projection_parked, projections'];
