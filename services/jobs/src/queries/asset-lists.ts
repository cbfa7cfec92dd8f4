/** The SQL of the asset queries, over the live version of the assets projection. */
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import type { JobType } from '#contracts/job-catalogue.js';
import type { Queries } from '#contracts/queries.js';
import type { Sql } from '../database/database.js';
import { searchable } from '../projections/searchable.js';
import { decodeCursor, Filter, pageLimit, pageOf } from './page.js';

type ListAssets = Queries['assets.list'];

interface Row {
  readonly id: string;
  readonly job_id: string;
  readonly job_type: JobType;
  readonly account_key: string;
  readonly stored_at: Date;
  readonly asset: StoredAsset;
  readonly favorite: boolean;
}

export async function listAssets(sql: Sql, request: ListAssets['request']): Promise<ListAssets['answer']> {
  const limit = pageLimit(request.limit);
  const { text, values } = listAssetsStatement(request);
  const rows = await sql.query<Row>(text, values);
  const page = pageOf(rows, limit, (row) => ({ time: row.stored_at.getTime(), id: row.id }));
  const assets = page.items.map(({ asset, job_id, job_type, account_key, favorite }) => {
    return { ...asset, jobId: job_id, jobType: job_type, accountKey: account_key, favorite };
  });
  return { assets, nextCursor: page.nextCursor };
}

/** The same for every character: what means something in a pattern means nothing here. */
const HAS_WORD = `exists (select from asset_jobs where asset_jobs.job_id = assets.job_id and strpos(prompt || E'\\n' || enhanced, ?) > 0)`;

/** `from` is included, `to` is not. One row more than asked for tells whether there is another page. */
export function listAssetsStatement(request: ListAssets['request']): { text: string; values: unknown[] } {
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  const filter = new Filter()
    .add('account_key = ?', request.accountKey)
    .add('job_id = ?', request.jobId)
    .add('format = ?', request.type)
    .add('project_id = ?::uuid', request.projectId)
    .add('stored_at >= ?::timestamptz', request.from)
    .add('stored_at < ?::timestamptz', request.to)
    .add('(stored_at, id) < (?::timestamptz, ?::uuid)', after && new Date(after.time), after?.id);
  // The planner takes the index of favourites only where the condition stands as it does there.
  if (request.favorite !== undefined) filter.add(request.favorite ? 'favorite' : 'not favorite');
  for (const word of request.words ?? []) filter.add(HAS_WORD, searchable(word));
  const text = `select id, job_id, job_type, account_key, stored_at, asset, favorite from assets
      where ${filter.where} and not deleted
      order by stored_at desc, id desc limit ${pageLimit(request.limit) + 1}`;
  return { text, values: filter.values };
}
