import type { Sql } from '../database/database.js';
import { readHead } from './log-statements.js';

/**
 * The last position that was recorded before a moment; 0 when none was. Looked for by halves, because times of recording
 * never fall with the position: no index over them is needed.
 */
export async function positionBefore(sql: Sql, moment: Date): Promise<number> {
  let low = 0;
  for (let high = await readHead(sql); low < high; ) {
    const middle = Math.ceil((low + high) / 2);
    const [row] = await sql.query<{ before: boolean }>(
      'select recorded_at < $2 as before from events where position = $1',
      [middle, moment],
    );
    if (!row) throw new Error(`the log has no event at position ${middle}`);
    if (row.before) low = middle;
    else high = middle - 1;
  }
  return low;
}
