/** Computing again what the log tells: with the tool, as its users do; and the same read model by emmett beside it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '#launcher/postgres-server.js';
import { createLog } from '#service-kit/log.js';
import { Database } from '../../../services/jobs/src/database/database.js';
import { migrate } from '../../../services/jobs/src/database/migrate.js';
import { installProjections } from '../../../services/jobs/src/projections/registry.js';
import { AS_IT_COMES, fillEmmett, HURRIED, rebuildWithEmmett } from '../../peers/emmett/jobs-read-model.js';
import { type EmmettPostgres, loadEmmett } from '../../peers/emmett/located.js';
import { benchFolder } from '../bench-folder.js';
import { fillLog } from '../log-filler.js';
import type { Measure, MeasureOptions } from '../measure.js';
import type { MemoryWatch } from '../memory.js';
import { count, type Row, times } from '../report.js';
import { type MeasuredRun, measuredRun } from '../tool-runs.js';

const GOALS = { rebuilt: 20_000, verified: 100_000, megabytes: 250 };
const LOG = createLog('bench', 'error');

interface Place {
  readonly folder: string;
  readonly postgres: PostgresServer;
  readonly memory: MemoryWatch;
}

export const replay: Measure = {
  name: 'replay',
  title: 'Replay of the event log',
  async run({ quick, memory }: MeasureOptions): Promise<Row[]> {
    const folder = await benchFolder();
    const postgres = await startPostgres({ dataDir: join(folder.path, 'postgres') });
    try {
      const place = { folder: folder.path, postgres, memory };
      const own = await ownRows(place, quick ? 100_000 : 1_000_000);
      return [...own, ...(await besideEmmett(place, quick ? 20_000 : 50_000))];
    } finally {
      await postgres.stop();
      await folder.remove();
    }
  },
};

async function ownRows(place: Place, events: number): Promise<Row[]> {
  const log = await logWith(place, 'history', events);
  const run = (args: readonly string[], url = log) =>
    measuredRun([...args, '--json'], { DATABASE_URL: url }, place.memory);
  const rebuilt = await run(['projections', 'rebuild', '--all', '--yes']);
  const verified = await run(['log', 'verify', '--no-streams']);
  const rate = ({ seconds }: MeasuredRun) => events / seconds;
  return [
    rebuildRow(
      `rebuild of all projections, ${count(events)} events, compared with the live ones and switched`,
      rebuilt,
      rate(rebuilt),
    ),
    {
      what: 'log verify',
      ours: `${count(rate(verified))} events/s, ${count(verified.megabytes)} MB`,
      goal: { text: `≥ ${count(GOALS.verified)} events/s`, met: rate(verified) >= GOALS.verified },
    },
    ...(await roundTrip(place, log, events)),
  ];
}

function rebuildRow(what: string, { megabytes }: MeasuredRun, rate: number): Row {
  const met = rate >= GOALS.rebuilt && megabytes <= GOALS.megabytes;
  const text = `≥ ${count(GOALS.rebuilt)} events/s, ≤ ${GOALS.megabytes} MB`;
  return { what, ours: `${count(rate)} events/s, ${count(megabytes)} MB`, goal: { text, met } };
}

/** Out, into an empty database, and out again. */
async function roundTrip(place: Place, log: string, events: number): Promise<Row[]> {
  const files = ['first', 'second'].map((name) => join(place.folder, `${name}.ndjson.zst`)) as [string, string];
  const empty = await logWith(place, 'copy', 0);
  const run = (args: readonly string[], url: string) => measuredRun(args, { DATABASE_URL: url }, place.memory);
  const out = await run(['log', 'export', files[0], '--json'], log);
  const into = await run(['log', 'import', files[0], '--yes', '--json'], empty);
  await run(['log', 'export', files[1], '--json'], empty);
  const [first, second] = await Promise.all(files.map(hashOf));
  const said = ({ seconds, megabytes }: MeasuredRun) => `${count(events / seconds)} events/s, ${count(megabytes)} MB`;
  return [
    { what: 'log export', ours: said(out) },
    { what: 'log import into an empty database', ours: said(into) },
    {
      what: 'the export of the imported log against the first one',
      ours: first === second ? 'the same bytes' : 'other bytes',
      goal: { text: 'the same bytes', met: first === second },
    },
  ];
}

/** A database with a made-up log, and empty projections. */
async function logWith({ postgres }: Place, name: string, events: number): Promise<string> {
  const url = await makeDatabase(postgres.url, name);
  await migrate(url, LOG);
  const database = new Database(url, LOG);
  await installProjections(database);
  await database.close();
  if (events > 0) await fillLog(url, events);
  return url;
}

async function besideEmmett(place: Place, events: number): Promise<Row[]> {
  const emmett = await loadEmmett().catch(leftOut);
  if (!emmett) return [];
  const url = await logWith(place, 'few', events);
  const { seconds } = await measuredRun(
    ['projections', 'rebuild', 'jobs', '--yes', '--json'],
    { DATABASE_URL: url },
    place.memory,
  );
  const theirs = await makeDatabase(place.postgres.url, 'emmett');
  const stored = await fillEmmett(emmett, theirs, events);
  const rows: Row[] = [];
  for (const [said, pulling] of [
    ['as it comes', AS_IT_COMES],
    ['1,000 events at once, no wait', HURRIED],
  ] as const) {
    const collection = `jobs_${rows.length}`;
    const rate = await emmettRate(emmett, theirs, { collection, pulling }, stored);
    await expectSameJobs(url, theirs, collection);
    rows.push(comparison(`emmett ${said}`, stored / seconds, rate, stored));
  }
  return rows;
}

async function emmettRate(
  emmett: EmmettPostgres,
  url: string,
  how: Parameters<typeof rebuildWithEmmett>[2],
  events: number,
): Promise<number> {
  const startedAt = performance.now();
  await rebuildWithEmmett(emmett, url, how);
  return (events * 1_000) / (performance.now() - startedAt);
}

function comparison(beside: string, ours: number, theirs: number, events: number): Row {
  return {
    what: `rebuild of the jobs alone, ${count(events)} events; beside: ${beside}`,
    ours: `${count(ours)} events/s`,
    beside: `${count(theirs)} events/s`,
    ratio: times(ours / theirs),
  };
}

/** The comparison is one of like with like: both hold the same jobs, to the last field. */
async function expectSameJobs(ours: string, theirs: string, collection: string): Promise<void> {
  const own = await rowsOf(ours, 'select state as job from jobs order by id');
  const emmetts = await rowsOf(theirs, `select data - '_id' - '_version' as job from ${collection} order by _id::uuid`);
  if (own.length === 0 || !isDeepStrictEqual(own, emmetts))
    throw new Error('emmett built other jobs than the platform');
}

async function rowsOf(url: string, select: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(select);
  await client.end();
  return rows;
}

/** Resolves with its address. */
async function makeDatabase(server: string, name: string): Promise<string> {
  await rowsOf(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

function leftOut(error: unknown): undefined {
  const why = error instanceof Error ? error.message : String(error);
  process.stderr.write(`Emmett cannot be had, so it is left out: ${why}\n`);
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
