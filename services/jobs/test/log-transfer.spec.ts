import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ScratchFolder, scratchFolder } from '../../../test/support/scratch-folder.js';
import { seededHistory } from '../../../test/support/seeded-history.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database } from '../src/database/database.js';
import { readCheckpoint, readHead, takeOverLog } from '../src/event-log/log-statements.js';
import { BrokenFileError, readBlocks } from '../src/log-transfer/export-file.js';
import { ExportRefusedError, exportLog } from '../src/log-transfer/export-log.js';
import { type Imported, ImportRefusedError, importLog } from '../src/log-transfer/import-log.js';
import { verifyLog } from '../src/verification/verify-log.js';
import { openDatabase } from './jobs-fixture.js';
import { appendToLog } from './made-up-log.js';

/** Three blocks and a half. */
const EVENTS = 3_500;

let source: { postgres: TestPostgres; database: Database };
let target: { postgres: TestPostgres; database: Database };
let scratch: ScratchFolder;
let whole: Buffer;

async function made(): Promise<{ postgres: TestPostgres; database: Database }> {
  const postgres = await testPostgres();
  return { postgres, database: await openDatabase(postgres.url) };
}

async function unmade({ postgres, database }: { postgres: TestPostgres; database: Database }): Promise<void> {
  await database.close();
  await postgres.close();
}

beforeAll(async () => {
  scratch = await scratchFolder();
  source = await made();
  const history = seededHistory({ seed: 11, events: EVENTS });
  await appendToLog(source.database, await takeOverLog(source.database), history, 1_000);
  whole = await exported(source.database, 'whole');
});
beforeEach(async () => {
  target = await made();
  return () => unmade(target);
});
afterAll(async () => {
  await unmade(source);
  await scratch.remove();
});

const unwatched = { onWritten: () => undefined, onImported: () => undefined, signal: new AbortController().signal };

async function exported(database: Database, name: string, from = 1): Promise<Buffer> {
  const path = join(scratch.path, name);
  await exportLog(database, path, { from, to: await readHead(database) }, unwatched);
  return readFile(path);
}

async function imported(content: Buffer, dryRun = false): Promise<Imported> {
  const path = join(scratch.path, 'import');
  await writeFile(path, content);
  const file = await open(path, 'r');
  try {
    return await importLog(target.database, file, { ...unwatched, dryRun });
  } finally {
    await file.close();
  }
}

describe('export and import', () => {
  test('bring the log to another database, byte for byte, and what is there is sound', async () => {
    expect(await imported(whole)).toEqual({ from: 1, to: EVENTS, added: EVENTS });
    expect((await exported(target.database, 'again')).equals(whole)).toBe(true);
    const findings = await verifyLog(target.database, { after: 0, upTo: EVENTS }, () => undefined, unwatched.signal);
    expect(findings.list).toEqual([]);
  });

  test('the file holds a line of JSON for each event', async () => {
    const file = await open(join(scratch.path, 'whole'), 'r');
    const lines: string[] = [];
    for await (const block of readBlocks(file)) lines.push(...block.lines.split('\n').filter((line) => line !== ''));
    await file.close();
    expect(lines).toHaveLength(EVENTS);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ position: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test('what is imported is not announced or settled again, and the streams are known', async () => {
    await imported(whole);
    for (const mark of ['webhook_checkpoint', 'settlement_checkpoint'])
      expect(await target.database.query(`select position from ${mark}`)).toEqual([{ position: EVENTS }]);
    const checkpoint = await readCheckpoint(target.database, 'OURVIDZ_JOBS');
    expect(checkpoint).toEqual(await readCheckpoint(source.database, 'OURVIDZ_JOBS'));
  });

  test('a dry run proves the file and adds nothing', async () => {
    expect(await imported(whole, true)).toEqual({ from: 1, to: EVENTS, added: EVENTS });
    expect(await readHead(target.database)).toBe(0);
  });

  test('a later part goes on where the first one ended, whatever the blocks', async () => {
    const first = join(scratch.path, 'first');
    await exportLog(source.database, first, { from: 1, to: 1_234 }, unwatched);
    await imported(await readFile(first));
    expect(await imported(whole)).toEqual({ from: 1, to: EVENTS, added: EVENTS - 1_234 });
    expect(await imported(await exported(source.database, 'later', 1_235))).toMatchObject({ added: 0 });
  });
});

describe('a file that is not whole', () => {
  test('wherever it is cut › says so, imports whole blocks only, and the whole file goes on from there', async () => {
    const cuts = [1, 500, ...[0.3, 0.6, 0.95].map((share) => Math.floor(whole.length * share)), whole.length - 1];
    for (const bytes of cuts) {
      await expect(imported(whole.subarray(0, bytes))).rejects.toThrow(BrokenFileError);
      const head = await readHead(target.database);
      expect(head === EVENTS || head % 1_000 === 0).toBe(true);
    }
    await imported(whole);
    expect((await exported(target.database, 'mended')).equals(whole)).toBe(true);
  });

  test('wherever a byte was altered › says so, and imports nothing of its block', async () => {
    for (const place of [0.02, 0.37, 0.71, 0.999].map((share) => Math.floor(whole.length * share))) {
      const altered = Buffer.from(whole);
      altered.writeUInt8(altered.readUInt8(place) ^ 0x10, place);
      const failure = await imported(altered).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(BrokenFileError);
      expect((failure as BrokenFileError).offset).toBeLessThanOrEqual(place);
    }
    await imported(whole);
    expect((await exported(target.database, 'unaltered')).equals(whole)).toBe(true);
  });

  test('when it is no export at all › says so', async () => {
    await expect(imported(Buffer.from('{"position":1}\n'.repeat(10)))).rejects.toThrow('it is no export');
  });
});

test('when the log has gone another way › the import is refused and changes nothing', async () => {
  const other = seededHistory({ seed: 12, events: 10 });
  await appendToLog(target.database, await takeOverLog(target.database), other, 10);
  await expect(imported(whole)).rejects.toThrow(ImportRefusedError);
  expect(await readHead(target.database)).toBe(10);
});

describe('an export that was broken off', () => {
  test('is gone on with, and is the same in the end', async () => {
    const path = join(scratch.path, 'resumed');
    await writeFile(path, whole.subarray(0, Math.floor(whole.length * 0.8)));
    const again = await exportLog(source.database, path, { from: 1, to: EVENTS }, unwatched);
    expect(again.resumed).toBe(2_000);
    expect((await readFile(path)).equals(whole)).toBe(true);
  });

  test.each([
    ['a whole export', () => whole],
    ['something else', () => Buffer.from('my diary')],
  ])('when there is %s › is refused and left as it is', async (_, content) => {
    const path = join(scratch.path, 'kept');
    await writeFile(path, content());
    await expect(exportLog(source.database, path, { from: 1, to: EVENTS }, unwatched)).rejects.toThrow(
      ExportRefusedError,
    );
    expect((await readFile(path)).equals(content())).toBe(true);
  });
});
