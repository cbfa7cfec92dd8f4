import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXAMPLES } from '../../../libs/contracts/documents/examples.js';
import { runEventsTool } from '../../../test/support/events-tool.js';
import { type ScratchFolder, scratchFolder } from '../../../test/support/scratch-folder.js';
import { signedText } from '../src/receipts/signed-text.js';
import { parseSigningKey } from '../src/receipts/signing-key.js';

const signing = parseSigningKey(Buffer.alloc(32, 9).toString('base64'));
const { statement } = EXAMPLES.JobReceipt as { statement: object };
const signature = { algorithm: 'Ed25519', key_id: signing?.public.key_id, value: signing?.sign(signedText(statement)) };

let folder: ScratchFolder;
let receipt: string;
let key: string;

beforeAll(async () => {
  folder = await scratchFolder();
  receipt = await file('receipt.json', { statement, signature });
  key = await file('key.json', signing?.public);
});
afterAll(() => folder.remove());

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, JSON.stringify(content));
  return path;
}

/** Without any address: it needs no connection. */
function verify(...args: string[]) {
  return runEventsTool(['receipt', 'verify', ...args], {});
}

describe('receipt verify', () => {
  test('of a sound receipt › tells what it says', async () => {
    const { code, stdout } = await verify(receipt, '--key', key);
    expect(stdout).toContain('is sound');
    expect(stdout).toContain('ab'.repeat(32));
    expect(code).toBe(0);
  });

  test('of a changed receipt › 1, for scripts as JSON', async () => {
    const changed = await file('changed.json', { statement: { ...statement, credits: 0 }, signature });
    const { code, stdout } = await verify(changed, '--key', key, '--json');
    expect(JSON.parse(stdout)).toEqual({ valid: false, problem: expect.stringContaining('does not fit') });
    expect(code).toBe(1);
  });

  test('without a key, with none in the file, or without the receipt › 2, and says why', async () => {
    expect(await verify(receipt)).toMatchObject({ code: 2, stderr: expect.stringContaining('--key') });
    const noKey = { code: 2, stderr: expect.stringContaining('no public Ed25519 key') };
    expect(await verify(receipt, '--key', receipt)).toMatchObject(noKey);
    const missing = join(folder.path, 'missing.json');
    expect(await verify(missing, '--key', key)).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') });
  });
});
