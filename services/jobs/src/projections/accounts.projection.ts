/** Every account as its last event tells it, for operators and for the sweep over open reservations. */
import type { AccountEventData } from '#contracts/events/registry.js';
import { isUuid } from '#contracts/ids.js';
import type { Transaction } from '../database/database.js';
import { grouped } from '../event-log/histories.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import type { Projection, TableNames } from './projection.js';

type AccountEvent = LoggedEvent<keyof AccountEventData>;

interface OpenReservation {
  readonly credits: number;
  /** When the log first had it, ISO 8601. */
  readonly since: string;
}

interface ProjectedAccount {
  readonly accountKey: string;
  /** Credits that can still be spent. */
  readonly balance: number;
  /** By job id. */
  readonly reservations: Readonly<Record<string, OpenReservation>>;
  readonly lastEvent: AccountEvent['type'];
  readonly lastEventAt: string;
  /** Position of the last event that it holds: what was applied once is not applied again. */
  readonly position: number;
}

/** An account after its next events, which may have been applied before. */
export function projectAccount(
  known: ProjectedAccount | undefined,
  events: readonly AccountEvent[],
): ProjectedAccount | undefined {
  return events.reduce<ProjectedAccount | undefined>((before, event) => {
    if (before && event.position <= before.position) return before;
    const { accountKey, balance } = event.data;
    const reservations = openReservations(before?.reservations ?? {}, event);
    return {
      accountKey,
      balance,
      reservations,
      lastEvent: event.type,
      lastEventAt: event.time,
      position: event.position,
    };
  }, known);
}

/** An event says which reservations are open; since when is known from the first that said so. */
function openReservations(before: ProjectedAccount['reservations'], { data, recordedAt }: AccountEvent) {
  const open = Object.entries(data.reservations).map(([jobId, credits]) => {
    if (!isUuid(jobId)) throw new TypeError(`a reservation of account ${data.accountKey} names no job`);
    return [jobId, { credits, since: before[jobId]?.since ?? recordedAt }] as const;
  });
  return Object.fromEntries(open);
}

export const accountsProjection: Projection = {
  name: 'accounts',
  version: 1,
  takes: ['CreditsGranted', 'CreditsReserved', 'CreditsCharged', 'CreditsReleased'],
  tables: ['accounts'],
  createTables,
  apply,
};

async function createTables(tx: Transaction, named: TableNames): Promise<void> {
  const accounts = named('accounts');
  await tx.query(`create table ${accounts} (
    account_key text primary key,
    balance bigint not null,
    reserved bigint not null,
    reservations jsonb not null,
    last_event text not null,
    last_event_at timestamptz not null,
    position bigint not null
  )`);
  await tx.query(`create index on ${accounts} (account_key) where reserved > 0`);
}

async function apply(tx: Transaction, named: TableNames, events: readonly LoggedEvent[]): Promise<void> {
  const histories = grouped(events as readonly AccountEvent[], (event) => event.data.accountKey);
  const known = await load(tx, named, [...histories.keys()]);
  const changed = [...histories].flatMap(([key, history]) => {
    const before = known.get(key);
    const after = projectAccount(before, history);
    return after === undefined || after === before ? [] : [after];
  });
  await store(tx, named, changed);
}

async function load(tx: Transaction, named: TableNames, keys: readonly string[]) {
  const rows = await tx.query<ProjectedAccount & { lastEventAt: Date }>(
    `select account_key as "accountKey", balance, reservations, last_event as "lastEvent",
            last_event_at as "lastEventAt", position
       from ${named('accounts')} where account_key = any($1)`,
    [keys],
  );
  return new Map<string, ProjectedAccount>(
    rows.map((row) => [row.accountKey, { ...row, lastEventAt: row.lastEventAt.toISOString() }]),
  );
}

async function store(tx: Transaction, named: TableNames, accounts: readonly ProjectedAccount[]): Promise<void> {
  if (accounts.length === 0) return;
  await tx.query(
    `insert into ${named('accounts')} (account_key, balance, reserved, reservations, last_event, last_event_at, position)
     select account_key, balance, reserved, reservations, last_event, last_event_at, position
       from jsonb_to_recordset($1::jsonb) as new (
         account_key text, balance bigint, reserved bigint, reservations jsonb, last_event text,
         last_event_at timestamptz, position bigint)
     on conflict (account_key) do update set
       balance = excluded.balance, reserved = excluded.reserved, reservations = excluded.reservations,
       last_event = excluded.last_event, last_event_at = excluded.last_event_at, position = excluded.position`,
    [JSON.stringify(accounts.map(rowOf))],
  );
}

function rowOf(account: ProjectedAccount): object {
  const { accountKey, balance, reservations, lastEvent, lastEventAt, position } = account;
  const reserved = Object.values(reservations).reduce((total, { credits }) => total + credits, 0);
  return {
    account_key: accountKey,
    balance,
    reserved,
    reservations,
    last_event: lastEvent,
    last_event_at: lastEventAt,
    position,
  };
}
