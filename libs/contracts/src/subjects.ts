/** Every subject string of the platform is built here. Ids come last, so that wildcards stay short. */
import type { Route } from './job-catalogue.js';

/** Interactive jobs go first; a user's further waiting jobs go to bulk, so that nobody hogs an engine. */
export type Lane = 'interactive' | 'bulk';
export const LANES: readonly Lane[] = ['interactive', 'bulk'];
export const ROUTES: readonly Route[] = ['sdxl', 'wan', 'wan-enhanced'];

/** The token of each job event in its subject. */
export type JobEventToken = 'requested' | 'enhanced' | 'started' | 'asset' | 'completed' | 'failed' | 'cancelled';
export type AssetEventToken = 'deleted' | 'favorited';

export const JOB_SUBJECTS = 'ourvidz.job.>';
export const ASSET_SUBJECTS = 'ourvidz.asset.>';
export const ACCOUNT_SUBJECTS = ['ourvidz.account.>', 'ourvidz.project.>', 'ourvidz.webhook.>', 'ourvidz.audit.>'];
const LIVE_PREFIX = 'ourvidz.live';
const SEED_PREFIX = 'ourvidz.seed';
/** The subject under which a stream stores what it is filled with. */
export const SEED_TRANSFORM = { src: `${SEED_PREFIX}.>`, dest: 'ourvidz.>' };
/** Stored messages are republished under this prefix, for those who watch. */
export const REPUBLISH = { from: 'ourvidz.>', to: `${LIVE_PREFIX}.>` };

/** `*` in any place makes a filter. */
export function jobSubject(route: Route | '*', lane: Lane | '*', event: JobEventToken | '*', jobId: string): string {
  return `ourvidz.job.${route}.${lane}.${event}.${jobId}`;
}

/**
 * All events of one job: the filter of every fold and the guard of every append. On a cluster two different filter
 * strings for the same job would let two terminal events through, so there is this one.
 */
export function jobFilter(jobId: string): string {
  return jobSubject('*', '*', '*', jobId);
}

export function assetSubject(event: AssetEventToken, jobId: string, index: number | '*'): string {
  return `ourvidz.asset.${event}.${jobId}.${index}`;
}

/** What happened to the assets of one job after it was made. */
export function assetFilter(jobId: string): string {
  return `ourvidz.asset.*.${jobId}.*`;
}

export function accountSubject(accountKey: string): string {
  return `ourvidz.account.${accountKey}`;
}

/** Everything about one project. */
export function projectSubject(accountKey: string, projectId: string): string {
  return `ourvidz.project.${accountKey}.${projectId}`;
}

/** What was refused to one account. */
export function auditSubject(accountKey: string): string {
  return `ourvidz.audit.${accountKey}`;
}

/** All webhooks of an account: their last event tells them all. */
export function webhookSubject(accountKey: string): string {
  return `ourvidz.webhook.${accountKey}`;
}

/** Where the stored events of a subject can be watched. */
export function liveSubject(subject: string): string {
  return subject.replace(/^ourvidz/, LIVE_PREFIX);
}

/**
 * Where an event is sent while its stream is filled again from the log. The stream listens there, and nowhere else, until
 * it is full: nobody can append to half a stream.
 */
export function seedSubject(subject: string): string {
  return subject.replace(/^ourvidz/, SEED_PREFIX);
}

export function progressSubject(jobId: string): string {
  return `ourvidz.progress.${jobId}`;
}

/** Where a worker shows what a running job is becoming. */
export function livePreviewSubject(jobId: string): string {
  return `ourvidz.preview.${jobId}`;
}

export function cancelSubject(jobId: string): string {
  return `ourvidz.control.cancel.${jobId}`;
}

/** An outside worker went away before it heard of the job that it got. */
export function releaseSubject(jobId: string): string {
  return `ourvidz.control.release.${jobId}`;
}

/** Where a worker says that it is there. */
export function workerSubject(engine: string, worker: string): string {
  return `ourvidz.worker.${engine}.${worker}`;
}

/** Where gateways tell each other how many requests came in. */
export function requestCountsSubject(): string {
  return 'ourvidz.gateway.requests';
}

export function querySubject(name: string): string {
  return `ourvidz.query.${name}`;
}

export function commandSubject(name: string): string {
  return `ourvidz.command.${name}`;
}

/** The parts of a job event's subject, or undefined for any other subject. */
export function parseJobSubject(
  subject: string,
): { route: Route; lane: Lane; event: JobEventToken; jobId: string } | undefined {
  const [root, kind, route, lane, event, jobId, rest] = subject.split('.');
  if (root !== 'ourvidz' || kind !== 'job' || !jobId || rest !== undefined) return undefined;
  return { route: route as Route, lane: lane as Lane, event: event as JobEventToken, jobId };
}
