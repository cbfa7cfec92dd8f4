/** Of all jobs services on one database, one leads: it writes the log and the projections and sweeps. */
import type pg from 'pg';
import type { Log } from '#service-kit/log.js';
import { pauseUnlessAborted } from '#service-kit/pause.js';
import type { Database } from '../database/database.js';
import { takeOverLog } from '../event-log/log-statements.js';
import type { JobsMetrics } from '../metrics.js';
import { repeatedly } from '../repeating.js';

/** A time of leading. It ends when the lock is lost or the process stops. */
export interface Term {
  /** Fences: a write with an older generation is refused. */
  readonly generation: number;
  readonly signal: AbortSignal;
}

/** Any number that no other use of this database locks. */
const LEADER_LOCK = 7_241_002;
const ASK_INTERVAL_MS = 500;
const HEARTBEAT_MS = 500;
const HEARTBEAT_TIMEOUT_MS = 2_000;
/** A leader that stands still loses its session, and with it the lock, after this time. */
const IDLE_LIMIT = '3s';

export class Leadership {
  constructor(
    private readonly database: Database,
    private readonly metrics: JobsMetrics,
    private readonly log: Log,
  ) {}

  /**
   * Leads whenever nobody else does, until aborted. `lead` must resolve soon after its term's signal. `prepare` comes
   * before each try: after a lost connection the database may be another one.
   */
  async run(
    signal: AbortSignal,
    lead: (term: Term) => Promise<void>,
    prepare: () => Promise<void> = async () => undefined,
  ): Promise<void> {
    await repeatedly({ what: 'leadership', log: this.log, signal }, async () => {
      await prepare();
      await this.standFor(signal, lead);
    });
  }

  private async standFor(signal: AbortSignal, lead: (term: Term) => Promise<void>): Promise<void> {
    const session = await this.database.openSession(HEARTBEAT_TIMEOUT_MS);
    const lost = new AbortController();
    session.on('error', () => lost.abort());
    session.on('end', () => lost.abort());
    try {
      await session.query(SESSION_LIMITS);
      if (await acquired(session, AbortSignal.any([signal, lost.signal])))
        await this.serve(session, signal, lost, lead);
    } finally {
      await ended(session);
    }
  }

  private async serve(
    session: pg.Client,
    stop: AbortSignal,
    lost: AbortController,
    lead: (term: Term) => Promise<void>,
  ): Promise<void> {
    const signal = AbortSignal.any([stop, lost.signal]);
    const beating = this.heartbeat(session, lost, signal);
    try {
      const generation = await takeOverLog(this.database);
      this.log.info({ generation }, 'leading');
      this.metrics.leading.set(1);
      await lead({ generation, signal });
    } finally {
      this.metrics.leading.set(0);
      lost.abort();
      await beating;
      this.log.info('not leading any more');
    }
  }

  /** Keeps the session from being idle, and notices when it is gone. */
  private async heartbeat(session: pg.Client, lost: AbortController, signal: AbortSignal): Promise<void> {
    try {
      for (; !signal.aborted; await pauseUnlessAborted(HEARTBEAT_MS, signal)) await session.query('select 1');
    } catch (error) {
      this.log.warn({ err: error }, 'the leader lock is lost');
      lost.abort();
    }
  }
}

/** The keep-alive ends the session of a machine that has vanished. */
const SESSION_LIMITS = `
  set idle_session_timeout = '${IDLE_LIMIT}';
  set tcp_keepalives_idle = 1; set tcp_keepalives_interval = 1; set tcp_keepalives_count = 2`;

async function acquired(session: pg.Client, signal: AbortSignal): Promise<boolean> {
  for (; !signal.aborted; await pauseUnlessAborted(ASK_INTERVAL_MS, signal)) {
    const { rows } = await session.query('select pg_try_advisory_lock($1) as mine', [LEADER_LOCK]);
    if (rows[0]?.mine) return true;
  }
  return false;
}

/** The lock goes with the session; one that is already broken cannot be ended more. */
async function ended(session: pg.Client): Promise<void> {
  await session.end().catch(() => undefined);
}
