/** `ourvidz-events log …` as operators run it: the real program beside a real platform's log and streams. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobRequested } from '#contracts/events/job-events.js';
import { pollUntil } from '#launcher/poll.js';
import { runEventsTool, startEventsTool, type ToolRun } from '../../../test/support/events-tool.js';
import { type ScratchFolder, scratchFolder } from '../../../test/support/scratch-folder.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import { type Fixture, openFixture, writeLog } from './jobs-fixture.js';
import { SomeAccounts } from './some-accounts.js';
import { makeJob, start, work } from './some-jobs.js';

const PATIENCE_MS = 15_000;

let fixture: Fixture;
let scratch: ScratchFolder;
let job: JobRequested;
let part: string;

beforeAll(async () => {
  fixture = await openFixture();
  scratch = await scratchFolder();
  const accounts = new SomeAccounts(fixture.bus);
  await accounts.grant('alice', 100);
  job = await accounts.reservedRequest('alice');
  await fixture.store.request(job);
  await work(fixture.store, job, 1);
  await makeJob(fixture.store);
  await writeLog(fixture);
  const [row] = await fixture.database.query<{ part: string }>('select tableoid::regclass::text as part from events');
  part = row?.part ?? '';
});
afterAll(async () => {
  await fixture.close();
  await scratch.remove();
});

function log(...args: string[]): Promise<ToolRun> {
  return runEventsTool(['log', ...args], { DATABASE_URL: fixture.databaseUrl, NATS_URL: fixture.natsUrl });
}

describe('log verify', () => {
  test('when all is well › says so, over the streams too', async () => {
    const { code, stdout } = await log('verify', '--json');
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ sound: true, findings: [] });
    expect(result.checks).toContainEqual({ check: 'streams', looked: result.events, wrong: 0 });
    expect(code).toBe(0);
  });

  test('when an event was altered › names it, and ends with 1', async () => {
    await fixture.database.query(`alter table ${part} disable trigger append_only`);
    await fixture.database.query(`update ${part} set data = data || '{"x": 1}' where position = 4`);
    const { code, stdout } = await log('verify');
    await fixture.database.query(`update ${part} set data = data - 'x' where position = 4`);
    await fixture.database.query(`alter table ${part} enable always trigger append_only`);
    expect(stdout).toMatch(/hash chains: position 4, .*its hash does not follow/);
    expect(stdout).toMatch(/same as the streams: 1 messages of .* say something else/);
    expect(stdout).toContain('NOT sound');
    expect(code).toBe(1);
  });
});

describe('log tail', () => {
  test('shows the last events, those of a name or about a job, or those since a time', async () => {
    const last = (await log('tail', '--lines', '2')).stdout.trimEnd().split('\n');
    expect(last).toHaveLength(2);
    const credits = await log('tail', '--filter', 'Credits*', '--json');
    expect(
      credits.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).name),
    ).toEqual(['CreditsGranted', 'CreditsReserved']);
    const ofJob = (await log('tail', '--filter', job.jobId, '--since', '1h')).stdout;
    expect(ofJob.match(/Job\w+|AssetStored/g)).toEqual(['JobRequested', 'JobStarted', 'AssetStored', 'JobCompleted']);
    expect(ofJob).not.toContain(job.prompt.text);
  });

  test('when told to follow › shows what comes, until it is interrupted', async () => {
    const where = { DATABASE_URL: fixture.databaseUrl };
    const { child, ended } = startEventsTool(['log', 'tail', '-f', '--lines', '1', '--json'], where);
    let shown = '';
    child.stdout?.on('data', (text: string) => {
      shown += text;
    });
    await pollUntil('the last event to be shown', PATIENCE_MS, async () => shown.includes('\n') || undefined);
    const open = await makeJob(fixture.store);
    await writeLog(fixture);
    await pollUntil('the new job to be shown', PATIENCE_MS, async () => shown.includes(open.jobId) || undefined);
    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
  });
});

describe('log show', () => {
  test('shows what happened to a job, where its time went, and what it cost', async () => {
    const { stdout, code } = await log('show', job.jobId);
    for (const told of ['PHASE', 'waited', 'JobRequested', 'JobCompleted', 'CreditsReserved'])
      expect(stdout).toContain(told);
    expect(code).toBe(0);
  });

  test('of a job that still runs › shows it up to now', async () => {
    const open = await new SomeAccounts(fixture.bus).reservedRequest('alice');
    await fixture.store.request(open);
    await start(fixture.store, open.jobId);
    await writeLog(fixture);
    const { spans } = JSON.parse((await log('show', open.jobId, '--json')).stdout);
    expect(spans.at(-1)).toMatchObject({ phase: 'worked' });
  });
});

describe('log export and import', () => {
  test('bring the log into an empty database, after somebody has agreed', async () => {
    const other: TestPostgres = await testPostgres();
    const file = join(scratch.path, 'log.ndjson.zst');
    expect((await log('export', file)).stdout).toContain('events are in');
    const where = { DATABASE_URL: other.url };
    expect(await runEventsTool(['log', 'import', file], where)).toMatchObject({ code: 4 });
    const { code, stdout } = await runEventsTool(['log', 'import', file, '--yes', '--json'], where);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ from: 1, added: JSON.parse(stdout).to });
    expect((await runEventsTool(['log', 'verify', '--no-streams'], where)).code).toBe(0);
    await other.close();
  });
});

describe('bad input', () => {
  const nobody = '01900000-0000-7000-8000-000000000000';

  test.each<[number, string, ...string[]]>([
    [2, 'The id of a job is a UUID', 'show', 'nonsense'],
    [4, 'knows no job', 'show', nobody],
    [2, 'A position is a whole number', 'verify', '--from', '0'],
    [4, 'There is no position 99999', 'verify', '--from', '99999'],
    [4, 'There is no position 99999', 'export', '/nowhere/x', '--from', '99999'],
    [2, 'no such file', 'export', '/nowhere/x'],
    [2, 'no such file', 'import', '/nowhere/x'],
    [2, 'neither the name of an event', 'tail', '--filter', 'JobExploded'],
    [2, 'A time is', 'tail', '--since', 'yesterday'],
  ])('ends it with %i and says: %s', async (code, message, ...args) => {
    expect(await log(...args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });

  test('when nothing listens, or the database is another one › says so', async () => {
    const empty = await testPostgres();
    const away = await runEventsTool(['log', 'tail'], { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' });
    const wrong = await runEventsTool(['log', 'tail'], { DATABASE_URL: empty.url });
    const nowhere = await runEventsTool(['log', 'tail', '--json'], { DATA_DIR: scratch.path });
    await empty.close();
    expect(away).toMatchObject({ code: 3, stderr: expect.stringContaining('Postgres is not available') });
    expect(wrong).toMatchObject({ code: 4, stderr: expect.stringContaining('no event log') });
    expect(nowhere.code).toBe(3);
    expect(JSON.parse(nowhere.stderr).error).toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('no platform'),
    });
  });

  test('when the schema is newer or older than the program › says so', async () => {
    const { database } = fixture;
    await database.query(`insert into migrations (timestamp, name) values (9, 'Later9')`);
    const newer = await log('tail');
    await database.query(`delete from migrations where name = 'Later9'`);
    await database.query(`update migrations set name = 'x' || name where name like 'Webhooks%'`);
    const both = await log('tail');
    await database.query(`delete from migrations where name like 'xWebhooks%'`);
    const older = await log('tail');
    await database.query(`insert into migrations (timestamp, name) values (1764000000003, 'Webhooks1764000000003')`);
    expect(newer).toMatchObject({ code: 4, stderr: expect.stringContaining('newer') });
    expect(both).toMatchObject({ code: 4 });
    expect(older).toMatchObject({ code: 4, stderr: expect.stringContaining('older') });
  });
});
