/** The programs in docs/webhooks.md, run as they stand there. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signature, webhookSecret } from '#webhooks/secret.js';
import { type ScratchFolder, scratchFolder } from '../../../test/support/scratch-folder.js';

const GUIDE = readFileSync(fileURLToPath(new URL('../../../docs/webhooks.md', import.meta.url)), 'utf8');
const SECRET = webhookSecret('a secret of the platform, 32 bytes or more', 'one');
const BODY = '{"type":"job.completed","data":{"metadata":{"note":"ü🌄"}}}';

let folder: ScratchFolder;

beforeAll(async () => {
  folder = await scratchFolder();
});
afterAll(() => folder.remove());

function program(language: string): string {
  const found = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(GUIDE)?.[1];
  if (!found) throw new Error(`the guide has no program in ${language}`);
  return found;
}

function headersOf(body: string, { secret = SECRET, age = 0 } = {}): Record<string, string> {
  const timestamp = Math.floor(Date.now() / 1000) - age;
  const signed = signature(secret, { id: 'msg_1', timestamp, body });
  return {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1a,x v1,AAAA ${signed}`,
  };
}

const OTHER_SECRET = webhookSecret('another secret of a platform, 32 bytes', 'one');
/** Each with what the program has to say to it. */
const MESSAGES: readonly (readonly [string, Record<string, string>, string, string])[] = [
  ['a true message', headersOf(BODY), BODY, 'job.completed'],
  ['a message that was changed', headersOf(BODY), `${BODY} `, 'wrong signature'],
  ['a message signed by somebody else', headersOf(BODY, { secret: OTHER_SECRET }), BODY, 'wrong signature'],
  ['a message without a signature', { ...headersOf(BODY), 'webhook-signature': '' }, BODY, 'wrong signature'],
  ['a message that was kept for long', headersOf(BODY, { age: 330 }), BODY, 'too old or too new'],
  ['a message from the future', headersOf(BODY, { age: -400 }), BODY, 'too old or too new'],
];

describe('the program in JavaScript', () => {
  it.each(MESSAGES)('%s › is known as one', async (_, headers, body, expected) => {
    const file = join(folder.path, 'verify.mjs');
    writeFileSync(file, program('js'));
    const { verify } = await import(/* @vite-ignore */ pathToFileURL(file).href);
    expect(outcome(() => verify(SECRET, headers, body).type)).toBe(expected);
  });
});

const python = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(!python)('the program in Python', () => {
  it.each(MESSAGES)('%s › is known as one', (_, headers, body, expected) => {
    const call = `
import sys
headers, body = json.loads(sys.argv[2]), sys.argv[3].encode()
try:
    print(verify(sys.argv[1], headers, body)["type"])
except ValueError as error:
    print(error)`;
    const args = ['-c', program('python') + call, SECRET, JSON.stringify(headers), body];
    const { stdout, stderr } = spawnSync('python3', args, {
      encoding: 'utf8',
      env: { ...process.env, PYTHONUTF8: '1' },
    });
    expect(stdout.trim() || stderr).toBe(expected);
  });
});

function outcome(work: () => string): string {
  try {
    return work();
  } catch (error) {
    return (error as Error).message;
  }
}
