/** Every webhook that was registered, for those who deliver to it. */
import type { Webhook } from '#contracts/events/webhook-events.js';
import type { Transaction } from '../database/database.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import type { Projection, TableNames } from './projection.js';

export const webhooksProjection: Projection = {
  name: 'webhooks',
  version: 1,
  takes: ['WebhookRegistered', 'WebhookRemoved'],
  tables: ['webhooks'],
  createTables,
  apply,
};

/** A removed webhook stays as a row, so that nothing brings it back. */
async function createTables(tx: Transaction, named: TableNames): Promise<void> {
  const webhooks = named('webhooks');
  await tx.query(`create table ${webhooks} (
    id uuid primary key,
    account_key text not null,
    url text not null,
    events text[] not null,
    created_at timestamptz not null,
    removed_at timestamptz
  )`);
  await tx.query(`create index on ${webhooks} (account_key) where removed_at is null`);
}

async function apply(tx: Transaction, named: TableNames, events: readonly LoggedEvent[]): Promise<void> {
  const registered = events.flatMap((event) => (event.type === 'WebhookRegistered' ? rowsOf(event) : []));
  const removed = events.filter((event) => event.type === 'WebhookRemoved');
  await tx.query(
    `insert into ${named('webhooks')} (id, account_key, url, events, created_at)
     select * from jsonb_to_recordset($1::jsonb)
         as new (id uuid, account_key text, url text, events text[], created_at timestamptz)
     on conflict (id) do nothing`,
    [JSON.stringify(registered)],
  );
  await tx.query(
    `update ${named('webhooks')} as webhook set removed_at = gone.time
       from unnest($1::uuid[], $2::timestamptz[]) as gone (id, time)
      where webhook.id = gone.id and webhook.removed_at is null`,
    [removed.map(({ data }) => data.webhookId), removed.map(({ time }) => time)],
  );
}

function rowsOf({ data }: LoggedEvent<'WebhookRegistered'>): object[] {
  const isNew = ({ id }: Webhook) => id === data.webhookId;
  return data.webhooks.filter(isNew).map(({ id, url, events, createdAt }) => {
    return { id, account_key: data.accountKey, url, events, created_at: createdAt };
  });
}
