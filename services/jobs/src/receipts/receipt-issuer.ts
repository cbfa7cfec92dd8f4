/** Signs what the log says of an ended job. */
import { type EndedJob, foldJob, isEnded } from '#contracts/domain/job.js';
import { JOB_HISTORY_TYPES, type JobHistoryEvent } from '#contracts/events/registry.js';
import { RECEIPT_ALGORITHM, type ReceiptChain, type ReceiptStatement } from '#contracts/http/receipts.js';
import type { ReceiptAnswer, Usage } from '#contracts/queries.js';
import type { Database, Sql } from '../database/database.js';
import { type LoggedEvent, readSubjects } from '../event-log/logged-event.js';
import { signedText } from './signed-text.js';
import type { SigningKey } from './signing-key.js';

export class ReceiptIssuer {
  constructor(
    private readonly database: Database,
    /** Absent: no receipts here. */
    readonly key: SigningKey | undefined,
  ) {}

  /** The same receipt again until something new happens to the job. */
  async receipt(jobId: string): Promise<ReceiptAnswer> {
    if (!this.key) return { outcome: 'off' };
    const statement = await readStatement(this.database, jobId);
    if (!statement) return { outcome: 'not_ready' };
    const value = this.key.sign(signedText(statement));
    const signature = { algorithm: RECEIPT_ALGORITHM, key_id: this.key.public.key_id, value } as const;
    return { outcome: 'signed', receipt: { statement, signature } };
  }
}

/** Undefined for a job that has not ended in the log, or is not settled there. */
async function readStatement(sql: Sql, jobId: string): Promise<ReceiptStatement | undefined> {
  const settled = await readSettlement(sql, jobId);
  const chain = settled && (await readChain(sql, jobId));
  if (!chain) return undefined;
  const events = await readSubjects(sql, [jobId], ...JOB_HISTORY_TYPES);
  // The log only grows: up to the head that was read it is the same.
  const upToHead = events.filter(({ position }) => position <= chain.position);
  const job = foldJob(upToHead as readonly (LoggedEvent & JobHistoryEvent)[]);
  return job && isEnded(job) ? statementOf(job, settled, chain) : undefined;
}

type Settlement = Required<Pick<Usage, 'credits' | 'settledAt'>>;

/** What was charged in the end; undefined as long as credits are reserved, or nothing is known of them. */
async function readSettlement(sql: Sql, jobId: string): Promise<Settlement | undefined> {
  const [row] = await sql.query<{ state: Usage }>(
    `select state from usage_log where job_id = $1 and status in ('charged', 'released')`,
    [jobId],
  );
  const settledAt = row?.state.settledAt;
  return settledAt === undefined ? undefined : { credits: row?.state.credits ?? 0, settledAt };
}

async function readChain(sql: Sql, jobId: string): Promise<ReceiptChain | undefined> {
  const [head] = await sql.query<{ position: number; hash: Buffer; recorded_at: Date; events: number }>(
    `select position, hash, recorded_at,
            (select count(*) from events earlier where subject_id = $1 and earlier.position <= head.position) as events
       from events head where subject_id = $1 order by position desc limit 1`,
    [jobId],
  );
  if (!head) return undefined;
  const { position, hash, events, recorded_at } = head;
  return { head: hash.toString('hex'), position, events, recorded_at: recorded_at.toISOString() };
}

function statementOf(job: EndedJob, { credits, settledAt }: Settlement, chain: ReceiptChain): ReceiptStatement {
  const { jobId, accountKey, jobType } = job.requested;
  const engine = job.status === 'completed' ? job.completed.engine : job.started?.engine;
  return {
    job_id: jobId,
    account_key: accountKey,
    job_type: jobType,
    status: job.status,
    requested_at: job.requestedAt,
    ended_at: job.endedAt,
    engine: engine ?? null,
    assets: job.assets.map(({ id, index, sha256, bytes, mediaType }) => {
      return { id, index, sha256, bytes, media_type: mediaType };
    }),
    credits,
    settled_at: settledAt,
    chain,
  };
}
