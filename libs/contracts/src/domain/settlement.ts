/** What the end of a job comes to for the credits that were reserved for it. Pure; whole credits. */
import { type Account, type AccountDecision, chargeCredits, releaseCredits } from './account.js';
import type { EndedJob } from './job.js';

/** Outputs that were asked for, and those that there are. */
export interface Outputs {
  readonly wanted: number;
  readonly made: number;
}

/**
 * The outputs that were made are charged, those that are missing are given back: all of them for a job that failed or
 * was cancelled, whatever it had stored by then. Refused as `no_reservation` when the job is settled already.
 */
export function settleJob(account: Account, job: EndedJob): AccountDecision {
  const { jobId } = job.requested;
  const outputs = outputsOf(job);
  if (outputs.made === 0) return releaseCredits(account, jobId);
  return chargeCredits(account, jobId, chargeFor(account.reservations[jobId] ?? 0, outputs));
}

/** What is left of `credits` when the share of the missing outputs is rounded and given back. */
export function chargeFor(credits: number, { wanted, made }: Outputs): number {
  return credits - Math.round((credits * (wanted - made)) / wanted);
}

function outputsOf(job: EndedJob): Outputs {
  const wanted = job.requested.seeds.length;
  const made = job.status === 'completed' ? wanted - job.completed.missing.length : 0;
  return { wanted, made: Math.max(made, 0) };
}
