import type { Recorded } from '#contracts/events/registry.js';
import type { Sql } from '../database/database.js';
import { readSubjects } from '../event-log/logged-event.js';

/** The grant of an account that was made with an idempotency key. */
export async function keyedGrant(
  sql: Sql,
  { accountKey, key }: { accountKey: string; key: string },
): Promise<Recorded<'CreditsGranted'> | null> {
  const grants = await readSubjects(sql, [accountKey], 'CreditsGranted');
  return grants.findLast(({ data }) => data.idempotencyKey === key) ?? null;
}
