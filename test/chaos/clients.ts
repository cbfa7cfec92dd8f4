/** Clients of the platform: they post jobs, cancel some, watch some, delete some pictures, and remember every answer. */
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '#worker/preview/seeded-random.js';
import { type JobTelling, watchToTheEnd } from './job-watcher.js';

/** One POST, known by a key in its metadata that no other one has. */
export interface Post {
  readonly key: string;
  readonly user: string;
  /** Unknown: no answer, or one that leaves open whether the job was stored. */
  outcome: 'accepted' | 'unknown' | 'refused';
  /** Of an accepted one. */
  jobId?: string;
}

/** A picture that a client had deleted. */
export interface Deletion {
  readonly assetId: string;
  /** Whether the platform said that it is gone. */
  readonly confirmed: boolean;
}

/** Where the clients send their requests. */
export interface Door {
  readonly urls: readonly string[];
  token(user: string): Promise<string>;
}

/** Of a hundred clients, how many cancel their job, watch it, and delete its first picture. */
export interface Habits {
  readonly cancel: number;
  readonly watch: number;
  readonly delete: number;
}

interface Load {
  readonly jobs: number;
  readonly seconds: number;
  readonly seed: number;
  readonly habits?: Habits;
}

const USUAL_HABITS: Habits = { cancel: 3, watch: 8, delete: 8 };

/** What one client does with its job, decided before anything happens. */
interface Plan {
  readonly number: number;
  readonly atMs: number;
  readonly user: string;
  readonly count: number;
  readonly afterwards: 'nothing' | 'cancel' | 'watch' | 'delete';
}

const USERS = 8;
const REQUEST_LIMIT_MS = 15_000;
const RETRY_MS = 300;
const LONGEST_RETRY_MS = 3_000;
/** A client stops asking for its job after this time; the audit says what became of it. */
const PATIENCE_MS = 150_000;

export class Clients {
  readonly posts: Post[] = [];
  readonly deletions: Deletion[] = [];
  readonly tellings: JobTelling[] = [];
  private readonly tokens = new Map<string, Promise<string>>();
  private turn = 0;

  constructor(private readonly door: Door) {}

  /** Resolves when every client has what it wanted or has given up. */
  async run({ jobs, seconds, seed, habits = USUAL_HABITS }: Load): Promise<void> {
    const random = new SeededRandom(seed);
    const spacingMs = (seconds * 1_000) / jobs;
    const plans = Array.from({ length: jobs }, (_, number) => planOf(number, random, spacingMs, habits));
    await Promise.all(plans.map((plan) => this.act(plan)));
  }

  /** Asks either gateway; undefined when no answer came. */
  async ask(user: string, path: string, init: RequestInit = {}): Promise<Response | undefined> {
    const { urls } = this.door;
    const url = new URL(path, urls[this.turn++ % urls.length]);
    const headers = { authorization: `Bearer ${await this.tokenOf(user)}`, 'content-type': 'application/json' };
    try {
      return await fetch(url, { headers, signal: AbortSignal.timeout(REQUEST_LIMIT_MS), ...init });
    } catch {
      // Cut off, refused, too late: whatever it was, the client does not know what became of its request.
      return undefined;
    }
  }

  private async act(plan: Plan): Promise<void> {
    await delay(plan.atMs);
    const jobId = await this.post(plan);
    if (plan.afterwards === 'cancel') await this.cancel(plan.user, jobId);
    if (plan.afterwards === 'watch') await this.watch(plan.user, jobId);
    if (plan.afterwards === 'delete') await this.deleteFirst(plan.user, jobId);
  }

  /** Posts until a job is accepted; each try is a request of its own. */
  private async post({ number, user, count }: Plan): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const post: Post = { key: `${number}.${attempt}`, user, outcome: 'unknown' };
      this.posts.push(post);
      const metadata = { prompt: `a lighthouse, view ${number}`, count, chaos_key: post.key };
      const body = JSON.stringify({ jobType: 'sdxl_image_fast', metadata });
      const response = await this.ask(user, '/api/queue-job', { method: 'POST', body });
      const jobId = await acceptedJob(response, post);
      if (jobId !== undefined) return jobId;
      await delay(Math.min(RETRY_MS * attempt, LONGEST_RETRY_MS));
    }
  }

  private async cancel(user: string, jobId: string): Promise<void> {
    await this.untilAnswered(user, `/api/jobs/${jobId}/cancel`, { method: 'POST' }, [200, 409]);
  }

  private async watch(user: string, jobId: string): Promise<void> {
    const open = (after: string | undefined) => this.openEvents(user, jobId, after);
    this.tellings.push(await watchToTheEnd(jobId, open, PATIENCE_MS));
  }

  private async openEvents(user: string, jobId: string, after: string | undefined): Promise<Response | undefined> {
    const { urls } = this.door;
    const url = new URL(`/api/jobs/${jobId}/events`, urls[this.turn++ % urls.length]);
    const headers = {
      authorization: `Bearer ${await this.tokenOf(user)}`,
      ...(after ? { 'last-event-id': after } : {}),
    };
    return fetch(url, { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  }

  private async deleteFirst(user: string, jobId: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (Date.now() < deadline) {
      const job = await this.jobOf(user, jobId);
      if (job && !['queued', 'processing'].includes(job.status)) return this.deleteAsset(user, jobId);
      await delay(RETRY_MS);
    }
  }

  private async jobOf(user: string, jobId: string): Promise<{ status: string } | undefined> {
    const response = await this.ask(user, `/api/jobs/${jobId}`);
    return response?.ok ? ((await bodyOf(response)) as { status: string } | undefined) : undefined;
  }

  private async deleteAsset(user: string, jobId: string): Promise<void> {
    const assetId = `${jobId.slice(0, -1)}1`;
    const status = await this.untilAnswered(user, `/api/assets/${assetId}`, { method: 'DELETE' }, [204, 404]);
    this.deletions.push({ assetId, confirmed: status === 204 });
  }

  /** Asks again until one of these answers comes, or patience ends. */
  private async untilAnswered(user: string, path: string, init: RequestInit, answers: readonly number[]) {
    const deadline = Date.now() + PATIENCE_MS;
    while (Date.now() < deadline) {
      const response = await this.ask(user, path, init);
      await response?.body?.cancel();
      if (response && answers.includes(response.status)) return response.status;
      await delay(RETRY_MS);
    }
    return undefined;
  }

  private tokenOf(user: string): Promise<string> {
    const known = this.tokens.get(user) ?? this.door.token(user);
    this.tokens.set(user, known);
    return known;
  }
}

function planOf(number: number, random: SeededRandom, spacingMs: number, habits: Habits): Plan {
  const dice = random.integer(1, 100);
  const count = dice <= 70 ? 1 : dice <= 95 ? 2 : 6;
  const atMs = (number + random.between(0, 1)) * spacingMs;
  return {
    number,
    atMs,
    user: `user-${random.integer(1, USERS)}`,
    count,
    afterwards: afterwardsBy(random.integer(1, 100), habits),
  };
}

function afterwardsBy(dice: number, habits: Habits): Plan['afterwards'] {
  if (dice <= habits.cancel) return 'cancel';
  if (dice <= habits.cancel + habits.watch) return 'watch';
  return dice <= habits.cancel + habits.watch + habits.delete ? 'delete' : 'nothing';
}

/** Notes the outcome of a POST; the id of the job when it was accepted. */
async function acceptedJob(response: Response | undefined, post: Post): Promise<string | undefined> {
  const body = response && ((await bodyOf(response)) as { job?: { id: string } } | undefined);
  if (response?.ok && body?.job) {
    post.outcome = 'accepted';
    post.jobId = body.job.id;
  } else if (response && response.status >= 400 && response.status < 500) post.outcome = 'refused';
  return post.jobId;
}

/** The body, or undefined when the connection broke in the middle of it. */
async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}
