/** The SQL of the project queries, over the live version of the projects projection. */
import type { Project } from '#contracts/domain/project.js';
import type { Queries } from '#contracts/queries.js';
import type { Sql } from '../database/database.js';
import { decodeCursor, Filter, pageLimit, pageOf } from './page.js';

type ListProjects = Queries['projects.list'];

interface Row {
  readonly id: string;
  readonly created_at: Date;
  readonly project: Project;
}

export async function listProjects(sql: Sql, request: ListProjects['request']): Promise<ListProjects['answer']> {
  const limit = pageLimit(request.limit);
  const { text, values } = listProjectsStatement(request);
  const rows = await sql.query<Row>(text, values);
  const page = pageOf(rows, limit, (row) => ({ time: row.created_at.getTime(), id: row.id }));
  return { projects: page.items.map((row) => row.project), nextCursor: page.nextCursor };
}

/** One row more than asked for tells whether there is another page. */
export function listProjectsStatement(request: ListProjects['request']): { text: string; values: unknown[] } {
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  const filter = new Filter()
    .add('account_key = ?', request.accountKey)
    .add('(created_at, id) < (?::timestamptz, ?::uuid)', after && new Date(after.time), after?.id);
  const text = `select id, created_at, project from projects where ${filter.where} and project is not null
     order by created_at desc, id desc limit ${pageLimit(request.limit) + 1}`;
  return { text, values: filter.values };
}

export const COUNT_PROJECTS = 'select count(*) as count from projects where account_key = $1 and project is not null';

export async function countProjects(sql: Sql, accountKey: string): Promise<Queries['projects.count']['answer']> {
  const [row] = await sql.query<{ count: number }>(COUNT_PROJECTS, [accountKey]);
  return { count: row?.count ?? 0 };
}
