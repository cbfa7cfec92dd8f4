import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The event log in partitions, one for each month: `events_2026_11`, …
 *
 * Each is a range of positions, so the primary key stays as it is and what is read by position touches one partition or
 * two. The last one is open at its end: whatever is inserted has a place, and none has to be made in time. What was
 * logged before there were partitions lies in the first one.
 *
 * `event_ids` keeps ids unique over all partitions; it is filled by whatever is inserted into `events`.
 * `(stream, stream_epoch, stream_seq)` is unique within a month. Partitions take no insert of their own, which would go
 * past `event_ids`.
 */
export class LogMonths1764000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  `create table event_ids (
    event_id uuid primary key,
    position bigint not null
  )`,
  'insert into event_ids (event_id, position) select event_id, position from events order by position',

  // Where each month begins. Of the last one `next_position` is known as soon as it is decided where it ends.
  `create table log_months (
    month date primary key,
    first_position bigint not null unique,
    next_position bigint check (next_position > first_position)
  )`,
  `insert into log_months (month, first_position) values (date_trunc('month', now() at time zone 'UTC'), 1)`,

  `create function log_partition(month date) returns text language sql immutable
    return 'events_' || to_char(month, 'YYYY_MM')`,

  `create function make_append_only(part regclass) returns void language plpgsql as $$
    begin
      execute format('create trigger append_only before insert or update or delete or truncate on %s
                        for each statement execute function refuse_change()', part);
      -- Also where triggers are switched off by session_replication_role.
      execute format('alter table %s enable always trigger append_only', part);
      execute format('revoke update, delete, truncate on %s from public, current_user', part);
    end $$`,

  // The table as it is becomes the first partition.
  `do $$
    declare part text := log_partition((select month from log_months));
    begin
      drop trigger append_only on events;
      alter table events drop constraint events_event_id_key;
      alter table events rename constraint events_pkey to events_of_months_pkey;
      execute format('alter table events rename constraint events_stream_stream_epoch_stream_seq_key to %I', part || '_sequence');
      execute format('alter index events_of_subject rename to %I', part || '_of_subject');
      execute format('alter table events rename to %I', part);
      execute format('alter table %I rename constraint events_of_months_pkey to %I', part, part || '_pkey');
      execute format('create table events (like %I including constraints) partition by range (position)', part);
      alter table events add primary key (position);
      create index events_of_subject on events (subject_id, position);
      execute format('alter table events attach partition %I for values from (minvalue) to (maxvalue)', part);
      perform make_append_only(part::regclass);
    end $$`,

  `create function keep_event_ids() returns trigger language plpgsql as $$
    begin
      insert into event_ids (event_id, position) select event_id, position from fresh;
      return null;
    end $$`,
  `create trigger keep_event_ids after insert on events
    referencing new table as fresh for each statement execute function keep_event_ids()`,
  'alter table events enable always trigger keep_event_ids',

  ...['events', 'event_ids'].flatMap((table) => [
    `create trigger append_only before update or delete or truncate on ${table}
      for each statement execute function refuse_change()`,
    `alter table ${table} enable always trigger append_only`,
    `revoke update, delete, truncate on ${table} from public, current_user`,
  ]),
];

const DOWN = [
  'create table events_in_one (like events including constraints)',
  'insert into events_in_one select * from events order by position',
  'drop table events, event_ids',
  'drop function keep_event_ids(), make_append_only(regclass)',
  'drop function log_partition(date)',
  'drop table log_months',
  'alter table events_in_one rename to events',
  'alter table events add primary key (position)',
  'alter table events add unique (event_id)',
  'alter table events add unique (stream, stream_epoch, stream_seq)',
  'create index events_of_subject on events (subject_id, position)',
  `create trigger append_only before update or delete or truncate on events
    for each statement execute function refuse_change()`,
  'alter table events enable always trigger append_only',
  'revoke update, delete, truncate on events from public, current_user',
];
