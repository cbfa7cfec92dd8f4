/** What `projections as-of` does. */
import { RFC_3339 } from '#contracts/http/list-queries.js';
import type { Database } from '../../database/database.js';
import { readHead } from '../../event-log/log-statements.js';
import { type Build, pastSchema, tablesOf } from '../../projections/builds.js';
import { countParked } from '../../projections/parking.js';
import { buildPast, dropPast } from '../../rebuild/past-state.js';
import { whileLocked } from '../../rebuild/rebuild-lock.js';
import { EXIT, type ExitCode, refused, ToolError } from '../exit-codes.js';
import { grouped, table } from '../output.js';
import { Progress } from '../progress.js';
import type { Tool } from '../tool.js';
import { chosen } from './chosen-projections.js';

interface PastOptions {
  readonly only?: readonly string[];
  readonly drop?: boolean;
}

export async function asOf(tool: Tool, time: string, options: PastOptions): Promise<ExitCode> {
  const moment = momentOf(time);
  const schema = pastSchema(moment);
  const projections = chosen(options.only ?? [], options.only ? undefined : true);
  const database = await tool.database();
  if (tool.dryRun) {
    tool.output.result({ schema, drop: options.drop ?? false }, () => `${options.drop ? 'drop' : 'build'} ${schema}`);
    return EXIT.ok;
  }
  return whileLocked(database, [schema], async () => {
    if (options.drop) return drop(tool, database, moment);
    const progress = new Progress(schema, await readHead(database));
    const onMoved = (position: number) => progress.update(position);
    const builds = await buildPast(database, projections, moment, { onMoved, signal: tool.signal });
    progress.end();
    if (tool.signal.aborted) {
      tool.output.note('Broken off. The same command goes on from here.');
      return EXIT.interrupted;
    }
    return tell(tool, database, schema, builds);
  });
}

function momentOf(text: string): Date {
  const moment = new Date(text);
  if (!RFC_3339.test(text) || Number.isNaN(moment.getTime()))
    throw new ToolError(
      EXIT.usage,
      `${text} is no date, and no date and time with a zone, such as 2026-11-24T12:00:00Z.`,
    );
  if (moment.getTime() > Date.now()) throw new ToolError(EXIT.usage, `${text} lies in the future.`);
  return moment;
}

async function drop(tool: Tool, database: Database, moment: Date): Promise<ExitCode> {
  const schema = pastSchema(moment);
  if (!(await dropPast(database, moment))) throw refused(`There is no ${schema}.`);
  tool.output.result({ dropped: schema }, () => `${schema} is dropped.`);
  return EXIT.ok;
}

async function tell(tool: Tool, database: Database, schema: string, builds: readonly Build[]): Promise<ExitCode> {
  const tables: { table: string; rows: number; parked: number }[] = [];
  for (const build of builds) {
    const parked = await countParked(database, build);
    for (const name of build.tables) {
      const [row] = await database.query<{ rows: number }>(`select count(*) as rows from ${tablesOf(build)(name)}`);
      tables.push({ table: `${schema}.${name}`, rows: row?.rows ?? 0, parked });
    }
  }
  tool.output.result({ schema, tables }, () => {
    const right = 'right' as const;
    const columns = [{ heading: 'TABLE' }, { heading: 'ROWS', align: right }, { heading: 'PARKED', align: right }];
    return table(
      columns,
      tables.map((one) => [one.table, grouped(one.rows), grouped(one.parked)]),
    );
  });
  return EXIT.ok;
}
