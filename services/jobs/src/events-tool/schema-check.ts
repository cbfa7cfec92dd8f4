/** Whether a database is one that this version of the tool understands. */
import type { Sql } from '../database/database.js';
import { MIGRATIONS } from '../database/migrations.js';
import { refused, type ToolError } from './exit-codes.js';

/** Rejects for a database without an event log, and for one whose schema is older or newer than this program. */
export async function assertSchema(sql: Sql): Promise<void> {
  const [found] = await sql.query<{ there: boolean }>(
    `select to_regclass('events') is not null and to_regclass('migrations') is not null as there`,
  );
  if (!found?.there) throw refused('This database has no event log: is it the right one?');
  const rows = await sql.query<{ name: string }>('select name from migrations');
  const problem = difference(new Set(rows.map(({ name }) => name)), new Set(MIGRATIONS.map(({ name }) => name)));
  if (problem) throw problem;
}

/** Whether nobody has made a table in it yet. */
export async function isEmpty(sql: Sql): Promise<boolean> {
  const rows = await sql.query('select 1 from pg_class where relnamespace = current_schema()::regnamespace limit 1');
  return rows.length === 0;
}

function difference(applied: ReadonlySet<string>, known: ReadonlySet<string>): ToolError | undefined {
  const unknown = [...applied].filter((name) => !known.has(name));
  if (unknown.length > 0)
    return refused(`The database's schema is newer than this program, which does not know ${unknown.join(', ')}.`);
  const missing = [...known].filter((name) => !applied.has(name));
  if (missing.length > 0)
    return refused(
      `The database's schema is older than this program: ${missing.join(', ')} is missing. ` +
        'The jobs service of this version brings it up to date when it starts.',
    );
  return undefined;
}
