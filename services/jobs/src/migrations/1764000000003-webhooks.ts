import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is to be delivered to webhooks, and what became of it.
 *
 * `webhook_checkpoint` is the mark up to which the log was read for deliveries: nothing before it is announced. `id` of a
 * delivery is derived from its event and its webhook, so that planning twice makes no second one. `body` is what is
 * posted, the same at every try; it goes when the delivery has ended.
 */
export class Webhooks1764000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table webhook_deliveries, webhook_checkpoint');
  }
}

const UP = [
  `create table webhook_checkpoint (
    only_row boolean primary key default true check (only_row),
    position bigint not null
  )`,
  'insert into webhook_checkpoint (position) select position from log_head',

  `create table webhook_deliveries (
    id uuid primary key,
    webhook_id uuid not null,
    account_key text not null,
    type text not null,
    job_id uuid,
    status text not null check (status in ('pending', 'delivered', 'failed', 'dropped')),
    body text,
    attempts jsonb not null default '[]',
    next_attempt_at timestamptz,
    created_at timestamptz not null,
    check ((status = 'pending') = (next_attempt_at is not null and body is not null))
  )`,
  `create index webhook_deliveries_due on webhook_deliveries (webhook_id, next_attempt_at) where status = 'pending'`,
  'create index webhook_deliveries_log on webhook_deliveries (webhook_id, created_at desc, id desc)',
  'create index webhook_deliveries_age on webhook_deliveries (created_at)',
  // A test that waits is not joined by another one.
  `create unique index webhook_deliveries_test on webhook_deliveries (webhook_id)
    where type = 'webhook.test' and status = 'pending'`,
];
