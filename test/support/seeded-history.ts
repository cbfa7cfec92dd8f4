/**
 * A made-up life of the platform: users, their credits, jobs of all types from request to settlement, projects, webhooks
 * and refusals, as the two streams would hold it. The same seed makes the same life, event for event. What may happen is
 * decided by the platform's own deciders.
 */
import {
  type Account,
  type AccountDecision,
  emptyAccount,
  evolveAccount,
  grantCredits,
  reserveCredits,
} from '#contracts/domain/account.js';
import { type EndedJob, evolve, isEnded, isFavorite, type Job, liveAssets } from '#contracts/domain/job.js';
import {
  cancelJob,
  completeJob,
  type Decision,
  deleteAsset,
  enhancePrompt,
  failJob,
  favoriteAsset,
  requestJob,
  startJob,
  storeAsset,
} from '#contracts/domain/job-decisions.js';
import { changeProject, createProject, deleteProject, type ProjectEvent } from '#contracts/domain/project.js';
import { settleJob } from '#contracts/domain/settlement.js';
import { registerWebhook, removeWebhook, type WebhookEvent, webhooksOf } from '#contracts/domain/webhooks.js';
import type { JobRequested, MissingOutput } from '#contracts/events/job-events.js';
import {
  type AssetEventData,
  JOB_EVENT_TOKENS,
  type JobEventData,
  type JobHistoryEvent,
  type Proposed,
} from '#contracts/events/registry.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { accountKeyOf, assetIdOf, assetKey, assetPath } from '#contracts/ids.js';
import { JOB_CATALOGUE, JOB_TYPES } from '#contracts/job-catalogue.js';
import { ACCOUNT_STREAM, JOB_STREAM } from '#contracts/streams.js';
import {
  accountSubject,
  assetSubject,
  auditSubject,
  jobSubject,
  projectSubject,
  webhookSubject,
} from '#contracts/subjects.js';
import { SeededRandom } from '#worker/preview/seeded-random.js';
import { SeededJournal, type StreamedEvent } from './seeded-journal.js';

export interface HistoryOptions {
  readonly seed: number;
  readonly events: number;
  /** Default 50. */
  readonly users?: number;
}

/** Needs memory for what is open, not for what it has told. */
export function* seededHistory({ seed, events, users = 50 }: HistoryOptions): Generator<StreamedEvent> {
  const life = new MadeUpLife(new SeededRandom(seed), users);
  let left = events;
  while (left > 0) {
    for (const event of life.next()) {
      if (left-- === 0) return;
      yield event;
    }
  }
}

const MOST_OPEN = 40;
/** Of ended jobs, these many can still have an asset deleted or marked. */
const REMEMBERED = 40;
const LEAST_CREDITS = 400;
const GRANT = 5_000;
const ENGINE = { engine: 'preview', model: 'preview', version: '1', device: 'cpu' };
const SUBJECTS = ['a lighthouse', 'a quiet harbour', 'two foxes', 'an old tram', 'a glass garden'];
const LIGHTS = ['at dawn', 'in fog', 'under stars', 'after rain', 'in low sun'];
/** Of a hundred steps of an open job. */
const ENDS = { cancel: 2, fail: 4, again: 2 };

type HistoryData = JobEventData & AssetEventData;

class MadeUpLife {
  private readonly journal: SeededJournal;
  private readonly accounts = new Map<string, Account>();
  private readonly open: Job[] = [];
  private readonly ended: Job[] = [];
  private readonly projects = new Map<string, ProjectEvent>();
  private readonly webhooks = new Map<string, WebhookEvent>();

  constructor(
    private readonly random: SeededRandom,
    private readonly users: number,
  ) {
    this.journal = new SeededJournal(random);
  }

  /** What happens next: one event or a few that belong together. */
  next(): StreamedEvent[] {
    const dice = this.random.integer(1, 1_000);
    if (dice <= 10) this.touchProject();
    else if (dice <= 13) this.touchWebhook();
    else if (dice <= 16) this.refuse();
    else if (dice <= 60) this.touchAsset();
    else if (this.open.length === 0 || (dice <= 320 && this.open.length < MOST_OPEN)) this.request();
    else this.goOn();
    return this.journal.take();
  }

  private request(): void {
    const userId = this.user();
    const request = this.aRequest(userId);
    this.changeAccount('gateway', userId, (account) =>
      account.balance >= LEAST_CREDITS
        ? undefined
        : grantCredits(account, { amount: GRANT, reason: 'test', grantedBy: 'system', userId }),
    );
    this.changeAccount('gateway', userId, (account) => reserveCredits(account, request.jobId, request.credits));
    const job = this.append(undefined, request, 'gateway', requestJob(undefined, request));
    this.open.push(job);
  }

  private aRequest(userId: string): JobRequested {
    const jobType = this.oneOf(JOB_TYPES);
    const { config, bucket, credits, countSupported, negativePromptSupported } = JOB_CATALOGUE[jobType];
    const count = countSupported ? this.oneOf([1, 1, 3, 6]) : 1;
    const project = this.projects.get(userId);
    return {
      ...{ jobId: this.journal.uuid('0'), userId, accountKey: accountKeyOf(userId), jobType, bucket, credits },
      lane: this.oneOf(['interactive', 'bulk']),
      prompt: { text: `${this.oneOf(SUBJECTS)} ${this.oneOf(LIGHTS)}, number ${this.random.integer(1, 1_000_000)}` },
      ...(negativePromptSupported ? { negativePrompt: { text: 'blurry, low quality, watermark' } } : {}),
      config: { ...config },
      seeds: Array.from({ length: count }, () => this.random.integer(0, 2 ** 31 - 1)),
      ...(project && project.type !== 'ProjectDeleted' ? { projectId: project.data.projectId } : {}),
      clientMetadata: { client: 'made-up' },
    };
  }

  /** One open job goes on by one step; with its last one it is settled. */
  private goOn(): void {
    const at = this.random.integer(0, this.open.length - 1);
    const job = this.open[at] as Job;
    const { source, decision } = this.stepOf(job);
    const after = this.append(job, job.requested, source, decision);
    this.open[at] = after;
    if (!isEnded(after)) return;
    this.open.splice(at, 1);
    this.settle(after);
    this.ended.push(after);
    if (this.ended.length > REMEMBERED) this.ended.shift();
  }

  private stepOf(job: Job): { source: string; decision: Decision } {
    const { requested, started } = job;
    const dice = this.random.integer(1, 100);
    const worker = `${JOB_CATALOGUE[requested.jobType].route === 'sdxl' ? 'sdxl' : 'wan'}-worker`;
    if (dice <= ENDS.cancel) return { source: 'gateway', decision: cancelJob(job, requested.userId) };
    if (dice <= ENDS.fail) return { source: worker, decision: failJob(job, this.aFailure()) };
    if (JOB_CATALOGUE[requested.jobType].isEnhanced && !job.enhanced && !started)
      return { source: 'enhancer', decision: enhancePrompt(job, this.anEnhancement(requested)) };
    if (!started || dice <= ENDS.fail + ENDS.again)
      return { source: worker, decision: startJob(job, { worker: 'worker-1', engine: ENGINE }) };
    return { source: worker, decision: this.generate(job, started.attempt) };
  }

  private generate(job: Job, attempt: number): Decision {
    const { requested, assets } = job;
    const index = assets.length;
    // The last of a batch is missing now and then.
    const short = index > 0 && index === requested.seeds.length - 1 && this.random.integer(1, 10) === 1;
    if (index < requested.seeds.length && !short) return storeAsset(job, attempt, this.anAsset(requested, index));
    const missing: MissingOutput[] = short ? [{ index, reason: 'the engine made nothing of it' }] : [];
    const timings = {
      waitedMs: this.random.integer(1, 9_000),
      generatedMs: this.random.integer(100, 30_000),
      storedMs: this.random.integer(5, 900),
    };
    return completeJob(job, { attempt, timings, engine: ENGINE, missing, urlOf: assetPath });
  }

  private anEnhancement({ prompt }: JobRequested) {
    const durationMs = this.random.integer(200, 4_000);
    if (this.random.integer(1, 20) === 1) return { skipped: 'timeout' as const, model: 'none', durationMs };
    return { enhanced: { text: `${prompt.text}, in fine detail` }, model: 'preview', durationMs };
  }

  private aFailure() {
    const lost = this.random.integer(1, 2) === 1;
    return lost
      ? { code: 'worker_lost', message: 'the worker gave no sign of life', retryable: true }
      : { code: 'engine_failed', message: 'the engine ran out of memory', retryable: true };
  }

  private anAsset({ jobId, accountKey, bucket, jobType, seeds }: JobRequested, index: number): StoredAsset {
    const { mediaType, width, height, config, videoSeconds } = JOB_CATALOGUE[jobType];
    const extension = config.file_extension;
    return {
      ...{ id: assetIdOf(jobId, index), index, key: assetKey({ bucket, accountKey, jobId, index, extension }), bucket },
      bytes: this.random.integer(20_000, 2_000_000),
      sha256: Array.from({ length: 8 }, () => this.journal.hex(8)).join(''),
      ...{ mediaType, width, height, seed: seeds[index] ?? 0, storedAt: this.journal.time },
      ...(videoSeconds === undefined ? {} : { durationSeconds: videoSeconds }),
    };
  }

  private settle(job: EndedJob): void {
    this.changeAccount('jobs', job.requested.userId, (account) => settleJob(account, job));
  }

  private touchAsset(): void {
    const at = this.random.integer(0, Math.max(this.ended.length - 1, 0));
    const job = this.ended[at];
    const [asset] = job ? liveAssets(job) : [];
    if (!job || !asset) return;
    const { userId } = job.requested;
    const gone = this.random.integer(1, 3) === 1;
    const decision = gone
      ? deleteAsset(job, asset.index, userId)
      : favoriteAsset(job, asset.index, !isFavorite(job, asset.index), userId);
    this.ended[at] = this.append(job, job.requested, 'gateway', decision);
  }

  private append<T extends keyof HistoryData>(
    job: Job | undefined,
    request: JobRequested,
    source: string,
    decision: Decision<T>,
  ): Job {
    if (decision.decided === 'refuse') throw new Error(`a made-up job is refused: ${decision.reason}`);
    const event = decision.event as Proposed<keyof HistoryData>;
    const address = { stream: JOB_STREAM.name, subject: subjectOf(request, event), subjectId: request.jobId, source };
    const after = evolve(job, this.journal.append(address, event) as JobHistoryEvent);
    if (!after) throw new Error('a made-up job was never requested');
    return after;
  }

  private changeAccount(
    source: string,
    userId: string,
    decide: (account: Account) => AccountDecision | undefined,
  ): void {
    const key = accountKeyOf(userId);
    const before = this.accounts.get(key) ?? emptyAccount(key);
    const decision = decide(before);
    if (!decision) return;
    if (decision.decided === 'refuse') throw new Error(`a made-up account is refused: ${decision.reason}`);
    const address = { stream: ACCOUNT_STREAM.name, subject: accountSubject(key), subjectId: key, source };
    this.accounts.set(key, evolveAccount(before, this.journal.append(address, decision.event)));
  }

  private touchProject(): void {
    const userId = this.user();
    const last = this.projects.get(userId);
    const fresh = last === undefined || last.type === 'ProjectDeleted';
    const accountKey = accountKeyOf(userId);
    const projectId = fresh ? this.journal.uuid() : last.data.projectId;
    const text = `${this.oneOf(SUBJECTS)}, draft ${this.random.integer(1, 1_000_000)}`;
    const createdAt = this.journal.time;
    const decision = fresh
      ? createProject(undefined, { projectId, accountKey, originalPrompt: { text }, createdAt })
      : this.random.integer(1, 3) === 1
        ? deleteProject(last)
        : changeProject(last, { enhancedPrompt: text });
    if (decision.decided === 'refuse') throw new Error(`a made-up project is refused: ${decision.reason}`);
    const subject = projectSubject(accountKey, projectId);
    const address = { stream: ACCOUNT_STREAM.name, subject, subjectId: projectId, source: 'gateway' };
    this.projects.set(userId, this.journal.append(address, decision.event));
  }

  private touchWebhook(): void {
    const userId = this.user();
    const accountKey = accountKeyOf(userId);
    const last = this.webhooks.get(userId);
    const [known] = webhooksOf(last);
    const decision = known
      ? removeWebhook(last, { accountKey, id: known.id }, { reason: 'deleted', removedBy: userId })
      : registerWebhook(last, accountKey, this.aWebhook());
    if (decision.decided === 'refuse') throw new Error(`a made-up webhook is refused: ${decision.reason}`);
    const { webhookId } = decision.event.data;
    const subject = webhookSubject(accountKey);
    const address = { stream: ACCOUNT_STREAM.name, subject, subjectId: webhookId, source: 'gateway' };
    this.webhooks.set(userId, this.journal.append(address, decision.event));
  }

  private aWebhook() {
    const url = 'https://receiver.example/ourvidz';
    return { id: this.journal.uuid(), url, events: ['job.completed' as const], createdAt: this.journal.time };
  }

  private refuse(): void {
    const userId = this.user();
    const accountKey = accountKeyOf(userId);
    const why = { category: 'adult' as const, rule: 'adult-words', route: 'POST /api/queue-job', count: 1 };
    const subject = auditSubject(accountKey);
    const address = { stream: ACCOUNT_STREAM.name, subject, subjectId: accountKey, source: 'gateway' };
    this.journal.append(address, { type: 'RequestRefused', data: { accountKey, userId, ...why } });
  }

  private user(): string {
    return `user-${this.random.integer(1, this.users)}`;
  }

  private oneOf<T>(choices: readonly T[]): T {
    return choices[this.random.integer(0, choices.length - 1)] as T;
  }
}

function subjectOf({ jobType, lane, jobId }: JobRequested, event: Proposed<keyof HistoryData>): string {
  if (event.type === 'AssetDeleted') return assetSubject('deleted', jobId, event.data.index);
  if (event.type === 'AssetFavorited') return assetSubject('favorited', jobId, event.data.index);
  return jobSubject(JOB_CATALOGUE[jobType].route, lane, JOB_EVENT_TOKENS[event.type], jobId);
}
