/** A failed job is asked for again: as a new job that names the old one, with credits reserved anew. */
import { type AccountRefusal, foldAccount, reserveCredits } from '#contracts/domain/account.js';
import type { Job } from '#contracts/domain/job.js';
import type { AccountEventData } from '#contracts/events/registry.js';
import { retryJobId } from '#contracts/ids.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { accountSubject } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import type { JobStore } from '#eventing/job-store.js';
import { SubjectStore } from '#eventing/subject-store.js';

export type RetryResult =
  /** `isNew`: not asked for again before. */
  | { readonly outcome: 'requested'; readonly jobId: string; readonly isNew: boolean }
  | { readonly outcome: 'refused'; readonly reason: AccountRefusal | 'not_failed' };

export class JobRetry {
  private readonly accounts: SubjectStore<keyof AccountEventData>;

  constructor(
    bus: Bus,
    private readonly store: JobStore,
  ) {
    this.accounts = new SubjectStore(bus, ACCOUNT_STREAM);
  }

  /** Once for a job, however often. A reservation whose request cannot be stored is released by the jobs service. */
  async retry(job: Job): Promise<RetryResult> {
    if (job.status !== 'failed') return { outcome: 'refused', reason: 'not_failed' };
    const { requestHash: _, ...request } = job.requested;
    const jobId = retryJobId(request.accountKey, request.jobId);
    if (await this.store.load(jobId)) return { outcome: 'requested', jobId, isNew: false };
    const refusal = await this.reserve(request.accountKey, jobId, request.credits);
    if (refusal) return { outcome: 'refused', reason: refusal };
    const { outcome } = await this.store.request({ ...request, jobId, retryOf: request.jobId });
    return { outcome: 'requested', jobId, isNew: outcome === 'appended' };
  }

  private async reserve(accountKey: string, jobId: string, credits: number): Promise<AccountRefusal | undefined> {
    const place = { subject: accountSubject(accountKey), subjectId: accountKey };
    const result = await this.accounts.execute(place, (last) =>
      reserveCredits(foldAccount(accountKey, last ? [last] : []), jobId, credits),
    );
    const stands = result.outcome === 'appended' || result.reason === 'already_reserved';
    return stands ? undefined : result.reason;
  }
}
