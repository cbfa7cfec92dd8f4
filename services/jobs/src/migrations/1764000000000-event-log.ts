import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The event log: every event of every stream, once, in one order.
 *
 * `position` is gap-free. `recorded_at` never falls with it, so a month is a range of positions: `1764000000005-log-months`
 * makes partitions of that. The writer looks ids up before it inserts; the unique constraints are the second line.
 *
 * `type` and `schema_version` are the two parts of the CloudEvents type. `hash` chains the events of one subject.
 */
export class EventLog1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  `create table events (
    position bigint primary key check (position > 0),
    event_id uuid not null unique,
    stream text not null,
    stream_epoch integer not null,
    stream_seq bigint not null,
    type text not null,
    schema_version integer not null,
    subject_id text not null,
    data jsonb not null,
    metadata jsonb not null,
    hash bytea not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    unique (stream, stream_epoch, stream_seq)
  )`,
  'create index events_of_subject on events (subject_id, position)',

  // The one row that hands out positions. A writer raises the generation when it takes over: older ones are fenced off.
  `create table log_head (
    only_row boolean primary key default true check (only_row),
    position bigint not null,
    generation bigint not null
  )`,
  'insert into log_head (position, generation) values (0, 0)',

  // How far each stream was read, in the transaction that wrote the rows. A new epoch begins when a stream was made anew.
  `create table stream_checkpoint (
    stream text primary key,
    epoch integer not null,
    last_seq bigint not null,
    last_event_id text
  )`,

  // The formula of the hash chain. It takes nothing but columns, so that the log can be verified with SQL alone.
  `create function event_hash(previous bytea, event_id uuid, type text, schema_version integer, subject_id text,
                              occurred_at timestamptz, data jsonb) returns bytea
    language sql immutable parallel safe
    return sha256(coalesce(previous, ''::bytea) || convert_to(
      event_id::text || E'\\n' || type || E'\\n' || schema_version::text || E'\\n' || subject_id || E'\\n' ||
      trunc(extract(epoch from occurred_at) * 1000)::text || E'\\n' || data::text, 'UTF8'))`,

  // The owner of a table can grant itself anything again, and a superuser needs no grant: the trigger stops both.
  `create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception '% of % is refused: the event log is append-only', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
    end $$`,
  `create trigger append_only before update or delete or truncate on events
    for each statement execute function refuse_change()`,
  // Also where triggers are switched off by session_replication_role.
  'alter table events enable always trigger append_only',
  'revoke update, delete, truncate on events from public, current_user',
];

const DOWN = [
  'drop table events, log_head, stream_checkpoint',
  'drop function event_hash(bytea, uuid, text, integer, text, timestamptz, jsonb)',
  'drop function refuse_change()',
];
