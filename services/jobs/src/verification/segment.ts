/**
 * One stretch of the log, examined by Postgres itself: only what is wrong leaves the server. What comes before the
 * stretch is looked up row by row, so stretches can be examined at the same time and need no memory of each other.
 */
import { CLOUD_EVENT_TYPES, type EventType } from '#contracts/events/registry.js';
import type { Sql } from '../database/database.js';

/** Positions with `after < position <= upTo`. */
export interface Range {
  readonly after: number;
  readonly upTo: number;
}

interface Place {
  readonly position: number;
  readonly subjectId: string;
}

export interface SegmentReport {
  readonly events: number;
  readonly endings: number;
  /** Their hash is not that of what they say and of the event before them. */
  readonly brokenChains: readonly Place[];
  /** Their job had ended before. */
  readonly secondEndings: readonly Place[];
  /** The register of ids has their id at another position, or not at all. */
  readonly doubled: readonly Place[];
  /** Their epoch and sequence are not above those of the event of the same stream before them. */
  readonly fallen: readonly Place[];
}

const ENDINGS: readonly EventType[] = ['JobCompleted', 'JobFailed', 'JobCancelled'];
const ENDING_TYPES = ENDINGS.map((type) => CLOUD_EVENT_TYPES[type].replace(/\.v\d+$/, ''));

/**
 * The subqueries in the list of columns stay what they are, one look into an index for each row that needs it: as joins,
 * the planner may read the whole log for each stretch.
 */
const EXAMINE = `
  with segment as (
    select position, subject_id, hash, type = any($3) as ends,
           event_hash(coalesce(lag(hash) over chain, (
             select before.hash from events before
              where before.subject_id = events.subject_id and before.position <= $1
              order by before.position desc limit 1
           )), event_id, type, schema_version, subject_id, occurred_at, data) as expected,
           case when type = any($3) then (
             select count(*) from events before
              where before.subject_id = events.subject_id and before.type = any($3) and before.position < events.position
           ) end as endings_before,
           (select ids.position from event_ids ids where ids.event_id = events.event_id) as known_position,
           row(stream_epoch, stream_seq) as sequence,
           coalesce(lag(row(stream_epoch, stream_seq)) over sequences, (
             select row(before.stream_epoch, before.stream_seq) from events before
              where before.stream = events.stream and before.position <= $1
              order by before.position desc limit 1
           )) as sequence_before
      from events
     where position > $1 and position <= $2
    window chain as (partition by subject_id order by position), sequences as (partition by stream order by position)
  )
  select count(*)::integer as events, count(*) filter (where ends)::integer as endings,
         ${placesWhere('hash <> expected')} as "brokenChains",
         ${placesWhere('endings_before > 0')} as "secondEndings",
         ${placesWhere('position is distinct from known_position')} as doubled,
         ${placesWhere('sequence <= sequence_before')} as fallen
    from segment`;

function placesWhere(condition: string): string {
  const place = `json_build_object('position', position, 'subjectId', subject_id)`;
  return `coalesce(json_agg(${place} order by position) filter (where ${condition}), '[]')`;
}

export async function examineSegment(sql: Sql, { after, upTo }: Range): Promise<SegmentReport> {
  const [report] = await sql.query<SegmentReport>(EXAMINE, [after, upTo, ENDING_TYPES]);
  if (!report) throw new Error('an aggregate has one row');
  return report;
}

/** Up to `limit` positions that nothing stands at. */
export async function missingPositions(sql: Sql, { after, upTo }: Range, limit: number): Promise<number[]> {
  const rows = await sql.query<{ n: number }>(
    `select n from generate_series($1::bigint + 1, $2::bigint) as n
      where not exists (select 1 from events where position = n) order by n limit $3`,
    [after, upTo, limit],
  );
  return rows.map(({ n }) => n);
}
