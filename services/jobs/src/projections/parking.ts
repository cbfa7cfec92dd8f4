/** Events that a projection cannot handle wait here, with all later ones of their subject. */
import type { Sql, Transaction } from '../database/database.js';
import { isFromDatabase, isRefusedData } from '../database/database-errors.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import type { BuildId } from './builds.js';

export interface Parked {
  readonly event: LoggedEvent;
  readonly error: string;
}

/** Whether the event is at fault, rather than the database or the network. Another try would fail the same way. */
export function isPoison(error: unknown): boolean {
  return isRefusedData(error) || !isFromDatabase(error);
}

/** Of these subjects, the ones that have parked events. */
export async function parkedSubjects(
  tx: Transaction,
  { name, version, build }: BuildId,
  subjects: readonly string[],
): Promise<Set<string>> {
  // As a rule: and to look for a thousand subjects where there are none takes a millisecond each time.
  if ((await countParked(tx, { name, version, build })) === 0) return new Set();
  const rows = await tx.query<{ subject_id: string }>(
    `select distinct subject_id from projection_parked
      where name = $1 and version = $2 and build = $3 and subject_id = any($4)`,
    [name, version, build, subjects],
  );
  return new Set(rows.map((row) => row.subject_id));
}

export async function park(
  tx: Transaction,
  { name, version, build }: BuildId,
  parked: readonly Parked[],
): Promise<void> {
  if (parked.length === 0) return;
  await tx.query(
    `insert into projection_parked (name, version, build, position, subject_id, error)
     select $1, $2, $3, * from unnest($4::bigint[], $5::text[], $6::text[])
     on conflict do nothing`,
    [
      name,
      version,
      build,
      parked.map(({ event }) => event.position),
      parked.map(({ event }) => event.subjectId),
      // A message may quote the data, and with it a NUL that no text column takes.
      parked.map(({ error }) => error.replaceAll('\0', '\uFFFD').slice(0, 1_000)),
    ],
  );
}

export async function countParked(sql: Sql, { name, version, build }: BuildId): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    'select count(*) as count from projection_parked where name = $1 and version = $2 and build = $3',
    [name, version, build],
  );
  return row?.count ?? 0;
}
