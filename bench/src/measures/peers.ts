/** The platform beside other ways to queue jobs, each with the same number of workers that take no time. */
import { startBullMq } from '../../peers/bullmq/system.js';
import { startOwnQueue } from '../../peers/own-queue/system.js';
import { startPgBoss } from '../../peers/pg-boss/system.js';
import { locateRedis } from '../../peers/redis-debian.js';
import { startReferenceDesign } from '../../peers/reference-design/system.js';
import { BenchPlatform } from '../bench-platform.js';
import type { Measure } from '../measure.js';
import { PlatformSystem } from '../platform-system.js';
import { startLatency, throughput } from '../queue-driver.js';
import type { QueueSystem } from '../queue-system.js';
import { count, type Row, spread, times } from '../report.js';
import { type Spread, spreadOf } from '../statistics.js';

const SLOTS = 4;
const DEPTH = 100;

interface Candidate {
  readonly start: () => Promise<QueueSystem>;
  /** Jobs one by one, for the start latency; few where each waits for a poll. */
  readonly single: number;
  readonly needsRedis?: boolean;
  /** What the queue alone has to reach of its rate, and how to say so. */
  readonly goal?: { readonly share: number; readonly text: string };
}

const OURS: readonly Candidate[] = [
  { start: wholePlatform, single: 150 },
  { start: () => startOwnQueue(SLOTS), single: 150 },
];

const OTHERS: readonly Candidate[] = [
  { start: () => startPgBoss(SLOTS, 'fetch'), single: 12, goal: { share: 1, text: '≥ its rate' } },
  { start: () => startPgBoss(SLOTS, 'work'), single: 100 },
  {
    start: () => startBullMq(SLOTS, 'always'),
    single: 150,
    needsRedis: true,
    goal: { share: 0.5, text: '≥ half of its rate' },
  },
  { start: () => startBullMq(SLOTS, 'everysec'), single: 150, needsRedis: true },
  { start: () => startReferenceDesign(SLOTS, 'everysec'), single: 12, needsRedis: true },
];

interface Result {
  readonly name: string;
  readonly durability: string;
  readonly jobsPerSecond: number;
  readonly start: Spread;
}

export const peers: Measure = {
  name: 'peers',
  title: `Peers (${SLOTS} workers, one job at a time each, ${DEPTH} waiting)`,
  async run({ quick }): Promise<Row[]> {
    const redis = await hasRedis();
    const [platform, queue] = [await measured(OURS[0], quick), await measured(OURS[1], quick)];
    const rows = [rowOf(platform), rowOf(queue)];
    for (const candidate of OTHERS) {
      if (candidate.needsRedis && !redis) continue;
      rows.push(...comparison(await measured(candidate, quick), platform, queue, candidate.goal));
    }
    return rows;
  },
};

async function wholePlatform(): Promise<QueueSystem> {
  const platform = await BenchPlatform.start();
  await Promise.all([platform.startService('jobs'), platform.startService('gateway')]);
  await Promise.all(Array.from({ length: SLOTS }, () => platform.startService('sdxl-worker')));
  const system = await PlatformSystem.on(platform, 1);
  return {
    name: 'OurVidz, the whole platform: HTTP, a stored picture, event log',
    durability: system.durability,
    submit: () => system.submit(),
    listen: (listener) => system.listen(listener),
    close: async () => {
      await system.close();
      await platform.close();
    },
  };
}

async function hasRedis(): Promise<boolean> {
  try {
    await locateRedis();
    return true;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`No Redis server, so BullMQ and the reference's design are left out: ${why}\n`);
    return false;
  }
}

async function measured(candidate: Candidate | undefined, quick: boolean): Promise<Result> {
  if (!candidate) throw new Error('there is no such candidate');
  const system = await candidate.start();
  try {
    await startLatency(system, Math.min(candidate.single, 5));
    const { afterAnswer } = await startLatency(system, quick ? Math.min(candidate.single, 30) : candidate.single);
    const forMs = quick ? 2_500 : 6_000;
    const jobsPerSecond = await throughput(system, { depth: DEPTH, warmUpMs: 2_000, forMs });
    const { name, durability } = system;
    return { name, durability, jobsPerSecond, start: spreadOf(afterAnswer) };
  } finally {
    await system.close();
  }
}

function rowOf({ name, durability, jobsPerSecond, start }: Result): Row {
  return { what: `${name} (${durability})`, ours: `${count(jobsPerSecond)} jobs/s, start ${spread(start)}` };
}

function comparison(other: Result, platform: Result, queue: Result, goal: Candidate['goal']): Row[] {
  const whole = platform.jobsPerSecond / other.jobsPerSecond;
  const alone = queue.jobsPerSecond / other.jobsPerSecond;
  return [
    {
      what: `${other.name} (${other.durability})`,
      ours: `${count(queue.jobsPerSecond)} jobs/s, whole platform ${count(platform.jobsPerSecond)}`,
      beside: `${count(other.jobsPerSecond)} jobs/s, start ${spread(other.start)}`,
      ratio: `${times(alone)}, whole platform ${times(whole)}`,
      goal: goal && { text: goal.text, met: alone >= goal.share },
    },
  ];
}
