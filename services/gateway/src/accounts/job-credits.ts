import { Inject, Injectable } from '@nestjs/common';
import { type Account, openJobs, releaseCredits, reserveCredits } from '#contracts/domain/account.js';
import { JOB_CATALOGUE, JOB_TYPES, type JobType, type JobTypeEntry } from '#contracts/job-catalogue.js';
import { Bus } from '#eventing/bus.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { ApiError } from '../http/api-error.js';
import { JobDurations } from '../queue/job-durations.js';
import { AccountLedger, type AccountOwner, type ChangeContext } from './account-ledger.js';

export interface ReservedCredits {
  readonly amount: number;
  /** The user's jobs that were open before this one. */
  readonly othersOpen: number;
  /** False where another request for the same job had reserved before: the reservation is not this one's to release. */
  readonly isNew: boolean;
}

/** What a user needs for a job: room among the own open jobs, and credits. Reservations are the open jobs. */
@Injectable()
export class JobCredits {
  constructor(
    private readonly bus: Bus,
    private readonly ledger: AccountLedger,
    private readonly durations: JobDurations,
    @Inject(CONFIGURATION)
    private readonly configuration: Pick<Configuration, 'prices' | 'maxQueuedPerUser' | 'servedRoutes'>,
  ) {}

  /** @throws ApiError `own_queue_limit`. Later jobs may still be in the way when credits are reserved. */
  async checkOwnLimit({ accountKey }: AccountOwner, entry: JobTypeEntry): Promise<void> {
    const { maxQueuedPerUser } = this.configuration;
    if (openJobs(await this.ledger.glance(accountKey)) < maxQueuedPerUser) return;
    // Jobs that ended since are not known here.
    if (openJobs(await this.ledger.read(accountKey)) >= maxQueuedPerUser) throw this.ownLimit(entry);
  }

  /** @throws ApiError `own_queue_limit`, `insufficient_credits` or `idempotency_key_reuse`; then nothing is reserved. */
  async reserve(
    owner: AccountOwner,
    { jobId, entry }: { jobId: string; entry: JobTypeEntry },
    context: ChangeContext,
  ): Promise<ReservedCredits> {
    const { prices, maxQueuedPerUser } = this.configuration;
    const amount = prices[entry.jobType];
    const decide = (account: Account) => reserveCredits(account, jobId, amount, maxQueuedPerUser);
    const { account, ...change } = await this.ledger.change(owner, decide, context);
    const reserved = { amount, othersOpen: openJobs(account) - 1, isNew: change.outcome === 'appended' };
    if (change.outcome === 'appended') return reserved;
    if (change.reason === 'too_many_reservations') throw this.ownLimit(entry);
    if (change.reason !== 'already_reserved') throw this.tooFew(account, entry.jobType);
    // Another request with the same key is under way, or broke off here. At another price it asked for something else.
    if (account.reservations[jobId] !== amount) throw new ApiError('idempotency_key_reuse');
    return reserved;
  }

  /** For a job that is certainly not stored. What fails here is done by the jobs service a while later. */
  async release(owner: AccountOwner, jobId: string, traceparent: string): Promise<void> {
    const context = { signal: new AbortController().signal, traceparent };
    try {
      await this.ledger.change(owner, (account) => releaseCredits(account, jobId), context);
    } catch (error) {
      this.bus.log.warn({ err: error, jobId }, 'credits of a job that was not stored stay reserved for a while');
    }
  }

  private ownLimit({ queue }: JobTypeEntry): ApiError {
    const details = `${this.configuration.maxQueuedPerUser} of your jobs are open`;
    const retryAfterSeconds = this.durations.untilRoomIn(queue, 1);
    return new ApiError('own_queue_limit', { details, retryAfterSeconds });
  }

  private tooFew({ balance }: Account, jobType: JobType): ApiError {
    const { prices, servedRoutes } = this.configuration;
    const cost = prices[jobType];
    const missing = `${jobType} costs ${cost}, you have ${balance}: ${cost - balance} missing`;
    const offered = JOB_TYPES.filter((each) => servedRoutes.includes(JOB_CATALOGUE[each].route));
    const [cheapest] = offered.toSorted((a, b) => prices[a] - prices[b]);
    const suggestion = cheapest && prices[cheapest] <= balance ? `; ${cheapest} costs ${prices[cheapest]}` : '';
    return new ApiError('insufficient_credits', { details: `${missing}${suggestion}` });
  }
}
