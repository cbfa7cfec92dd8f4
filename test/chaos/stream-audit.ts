/** Whether the stream holds what clients were promised: every accepted job once, with one end. */
import { isEnded, type Job } from '#contracts/domain/job.js';
import { CONSUMERS, JOB_STREAM } from '#contracts/streams.js';
import type { Bus } from '#eventing/bus.js';
import type { Deletion, Post } from './clients.js';
import type { JobTelling } from './job-watcher.js';
import { isEnd, type StreamCopy } from './stream-copy.js';
import { doubled, type Finding, lost, repeated, stuck, wrong } from './verdict.js';

/** What clients did and were told. */
export interface Told {
  readonly posts: readonly Post[];
  readonly deletions: readonly Deletion[];
  readonly tellings: readonly JobTelling[];
}

export function auditStream(copy: StreamCopy, told: Told): Finding[] {
  const jobs = copy.jobs();
  return [
    ...auditPosts(jobs, told.posts),
    ...[...copy.histories].flatMap(([id, events]) => auditEnds(id, events.filter(isEnd).length)),
    ...repeated(copy.events.map(({ id }) => id)).map((id) => doubled(`event ${id} is in the stream twice`)),
    ...[...jobs.values()].flatMap(auditJob),
    ...told.deletions.flatMap((deletion) => auditDeletion(jobs, deletion)),
    ...told.tellings.flatMap((telling) => auditTelling(jobs, telling)),
  ];
}

function auditPosts(jobs: ReadonlyMap<string, Job>, posts: readonly Post[]): Finding[] {
  const keys = [...jobs.values()].map(keyOf);
  const known = new Set(keys);
  const twice = repeated(keys).map((key) => doubled(`request ${key} made two jobs`));
  const gone = posts.filter(({ outcome, jobId }) => outcome === 'accepted' && !jobs.has(jobId ?? ''));
  const unwanted = posts.filter(({ outcome, key }) => outcome === 'refused' && known.has(key));
  return [
    ...twice,
    ...gone.map(({ key, jobId }) =>
      lost(`request ${key} was accepted as job ${jobId}, which the stream does not have`),
    ),
    ...unwanted.map(({ key }) => wrong(`request ${key} was refused and made a job all the same`)),
  ];
}

function auditEnds(jobId: string, ends: number): Finding[] {
  if (ends === 0) return [stuck(`job ${jobId} has no end`)];
  return ends === 1 ? [] : [doubled(`job ${jobId} has ${ends} ends`)];
}

/** No fault here is one that a job may fail from. */
function auditJob(job: Job): Finding[] {
  const { jobId, seeds } = job.requested;
  if (job.status === 'failed') return [wrong(`job ${jobId} failed: ${job.failed.code}, ${job.failed.message}`)];
  if (job.status !== 'completed') return [];
  const indexes = job.completed.assets.map(({ index }) => index);
  const expected = seeds.map((_, index) => index);
  if (indexes.join() === expected.join()) return [];
  return [lost(`job ${jobId} is completed with the assets ${indexes.join()} of ${expected.join()}`)];
}

function auditDeletion(jobs: ReadonlyMap<string, Job>, { assetId, confirmed }: Deletion): Finding[] {
  const job = jobs.get(`${assetId.slice(0, -1)}0`);
  if (!confirmed || job?.deletedIndexes.includes(0)) return [];
  return [lost(`the deletion of asset ${assetId} was confirmed and is not in the stream`)];
}

/** A stream that breaks and is resumed tells every durable event once, in order, up to the end. */
function auditTelling(jobs: ReadonlyMap<string, Job>, telling: JobTelling): Finding[] {
  const job = jobs.get(telling.jobId);
  const of = `the watcher of job ${telling.jobId}`;
  if (!job || !isEnded(job)) return [];
  const findings: Finding[] = [];
  if (telling.end === undefined) findings.push(stuck(`${of} never heard of its end`));
  else if (telling.end !== job.status) findings.push(wrong(`${of} heard ${telling.end}, the job is ${job.status}`));
  for (const event of repeated(telling.durable)) findings.push(doubled(`${of} heard ${event} twice`));
  const { ids } = telling;
  if (ids.some((id, at) => id < (ids[at - 1] ?? 0))) findings.push(wrong(`${of} heard ${ids.join()}, out of order`));
  const untold = job.assets.filter(({ id }) => !telling.assets.has(id));
  if (telling.end) for (const { id } of untold) findings.push(lost(`${of} never heard of asset ${id}`));
  return findings;
}

/** The messages that are waiting or in hand, by consumer; none where nothing is. */
export async function waitingMessages(bus: Bus): Promise<{ consumer: string; messages: number }[]> {
  const infos = await Promise.all(CONSUMERS.map(({ stream, name }) => bus.jsm.consumers.info(stream, name)));
  const counts = infos.map((info) => ({ consumer: info.name, messages: info.num_pending + info.num_ack_pending }));
  return counts.filter(({ messages }) => messages > 0);
}

/** Nothing waits any more, and there are the consumers that the contracts name and no other. */
export async function auditConsumers(bus: Bus): Promise<Finding[]> {
  const waiting = await waitingMessages(bus);
  const { state } = await bus.jsm.streams.info(JOB_STREAM.name);
  const named = CONSUMERS.filter(({ stream }) => stream === JOB_STREAM.name).length;
  return [
    ...waiting.map(({ consumer, messages }) => stuck(`${messages} messages are left at the consumer ${consumer}`)),
    ...(state.consumer_count === named ? [] : [wrong(`there are ${state.consumer_count} consumers, not ${named}`)]),
  ];
}

function keyOf(job: Job): string {
  return String(job.requested.clientMetadata?.chaos_key);
}
