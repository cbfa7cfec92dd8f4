/** Every project that nobody deleted, for lists. */
import { type Project, type ProjectEvent, projectOf } from '#contracts/domain/project.js';
import type { Transaction } from '../database/database.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import type { Projection, TableNames } from './projection.js';

export const projectsProjection: Projection = {
  name: 'projects',
  version: 1,
  takes: ['ProjectCreated', 'ProjectChanged', 'ProjectDeleted'],
  tables: ['projects'],
  createTables,
  apply,
};

/** A deleted project stays as a row without content, so that nothing brings it back. */
async function createTables(tx: Transaction, named: TableNames): Promise<void> {
  const projects = named('projects');
  await tx.query(`create table ${projects} (
    id uuid primary key,
    account_key text not null,
    created_at timestamptz not null,
    project jsonb,
    position bigint not null
  )`);
  await tx.query(`create index on ${projects} (account_key, created_at desc, id desc) where project is not null`);
}

interface Row {
  readonly id: string;
  readonly account_key: string;
  readonly created_at: string;
  readonly project: Project | undefined;
  readonly position: number;
}

async function apply(tx: Transaction, named: TableNames, events: readonly LoggedEvent[]): Promise<void> {
  // Of one batch the last event of a project tells all.
  const rows = new Map(
    (events as readonly (ProjectEvent & LoggedEvent)[]).map((event) => [event.data.projectId, rowOf(event)]),
  );
  if (rows.size === 0) return;
  await tx.query(
    `insert into ${named('projects')} as old (id, account_key, created_at, project, position)
     select id, account_key, created_at, project, position
       from jsonb_to_recordset($1::jsonb)
            as new (id uuid, account_key text, created_at timestamptz, project jsonb, position bigint)
     on conflict (id) do update set project = excluded.project, position = excluded.position
      where old.position < excluded.position`,
    [JSON.stringify([...rows.values()])],
  );
}

function rowOf(event: ProjectEvent & LoggedEvent): Row {
  const { projectId, accountKey, createdAt } = event.data;
  const { position } = event;
  return { id: projectId, account_key: accountKey, created_at: createdAt, project: projectOf(event), position };
}
