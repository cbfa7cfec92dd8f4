/** `POST /api/queue-job`: the gateway beside a bare handler, each alone with NATS, in turns. */
import { freePort } from '#launcher/free-port.js';
import { BenchPlatform } from '../bench-platform.js';
import { BenchProcess } from '../child-process.js';
import { fullLoad, type LoadResult, type Shot, steadyLoad } from '../http-load.js';
import type { Measure } from '../measure.js';
import { processorTime } from '../processor-time.js';
import { count, type Row, share, spread, times } from '../report.js';
import { jobShots } from '../requests.js';
import { median, spreadOf } from '../statistics.js';

const CONNECTIONS = 64;
const GOAL_SHARE = 0.7;
const GOAL_P99_MS = 50;

/** One who answers. */
interface Candidate {
  readonly name: string;
  readonly url: string;
  readonly prefix: string;
  readonly pid: number;
}

interface Result {
  readonly rates: number[];
  readonly full: number[];
  readonly half: number[];
  /** Microseconds of processor time for each request. */
  readonly cpu: number[];
}

export const accepting: Measure = {
  name: 'post',
  title: 'Accepting jobs',
  async run({ quick, memory }): Promise<Row[]> {
    const platform = await BenchPlatform.start();
    try {
      const bare = await prepare(platform);
      memory.watch(platform.processes());
      const candidates = [
        { name: 'gateway', url: platform.url, prefix: '', pid: gatewayOf(platform) },
        { name: 'bare', url: bare.url, prefix: '', pid: bare.process.pid },
        { name: 'remembering', url: bare.url, prefix: '/remembering', pid: bare.process.pid },
      ];
      const results = await inTurns(candidates, await jobShots(platform), quick);
      await bare.process.stop();
      return rowsOf(results);
    } finally {
      await platform.close();
    }
  },
};

/** The jobs service makes the streams and goes: what it does with the events is measured elsewhere. */
async function prepare(platform: BenchPlatform) {
  const jobs = await platform.startService('jobs');
  await platform.startService('gateway');
  await platform.stopService(jobs);
  const port = await freePort();
  const process = await BenchProcess.start('peers/bare-handler/main.ts', {
    ...{ NATS_URL: platform.natsUrl, NATS_CREDS: platform.credentialsOf('gateway') },
    ...{ AUTH_JWT_SECRET: platform.tokenSecret, PORT: String(port) },
  });
  return { process, url: `http://127.0.0.1:${port}` };
}

/** In turns, so that a slow minute of the machine meets all of them. */
async function inTurns(candidates: readonly Candidate[], shot: () => Shot, quick: boolean) {
  const [rounds, forMs] = quick ? [2, 1_500] : [4, 2_500];
  const results = new Map(candidates.map(({ name }) => [name, { rates: [], full: [], half: [], cpu: [] } as Result]));
  for (const candidate of candidates) await load(candidate, shot, 2_000);
  for (let round = 0; round < rounds; round++) {
    for (const candidate of candidates) {
      const before = await processorTime(candidate.pid);
      const full = await load(candidate, shot, forMs);
      const used = (await processorTime(candidate.pid)) - before;
      add(results.get(candidate.name), full, (used * 1000) / full.latencies.length);
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const candidate of candidates) {
      const result = results.get(candidate.name);
      const half = await load(candidate, shot, forMs, median(result?.rates ?? []) / 2);
      result?.half.push(...half.latencies);
    }
  }
  return results;
}

function gatewayOf(platform: BenchPlatform): number {
  return platform.processes().find(({ name }) => name === 'gateway')?.pid ?? 0;
}

function add(result: Result | undefined, { rate, latencies }: LoadResult, cpu: number): void {
  result?.cpu.push(cpu);
  result?.rates.push(rate);
  result?.full.push(...latencies);
}

function load({ url, prefix }: Candidate, shot: () => Shot, forMs: number, rate?: number): Promise<LoadResult> {
  const prefixed = () => {
    const next = shot();
    return { ...next, path: `${prefix}${next.path}` };
  };
  const options = { url, connections: CONNECTIONS, forMs, shot: prefixed };
  return rate === undefined ? fullLoad(options) : steadyLoad(options, rate);
}

function rowsOf(results: ReadonlyMap<string, Result>): Row[] {
  const [ours, bare, remembering] = ['gateway', 'bare', 'remembering'].map((name) => results.get(name) as Result);
  if (!ours || !bare || !remembering) throw new Error('a candidate has no result');
  const half = spreadOf(ours.half);
  return [
    rateRow('POST at full rate, 64 connections; beside: bare Fastify, JWT verified each time', ours, bare),
    { ...rateRow('the same; beside: bare Fastify that remembers verified tokens', ours, remembering), goal: undefined },
    {
      what: 'processor time of the process for one POST; beside: bare Fastify, JWT verified each time',
      ours: `${count(median(ours.cpu))} µs`,
      beside: `${count(median(bare.cpu))} µs`,
      ratio: times(median(ours.cpu) / median(bare.cpu)),
    },
    {
      what: 'POST latency at full rate',
      ours: spread(spreadOf(ours.full)),
      beside: spread(spreadOf(bare.full)),
    },
    {
      what: `POST latency at half of it (${count(median(ours.rates) / 2)}/s), from when each was due`,
      ours: spread(half),
      beside: spread(spreadOf(bare.half)),
      goal: { text: `p99 ≤ ${GOAL_P99_MS} ms`, met: half.p99 <= GOAL_P99_MS },
    },
  ];
}

function rateRow(what: string, ours: Result, other: Result): Row {
  const ratio = median(ours.rates) / median(other.rates);
  return {
    what,
    ours: `${count(median(ours.rates))}/s`,
    beside: `${count(median(other.rates))}/s`,
    ratio: share(ratio),
    goal: { text: `≥ ${share(GOAL_SHARE)}`, met: ratio >= GOAL_SHARE },
  };
}
