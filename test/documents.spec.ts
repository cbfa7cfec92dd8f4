import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '#contracts/http/error-codes.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

describe('the documents', () => {
  it('link only to files that are there', async () => {
    const links = (await documents()).flatMap(({ path, text }) =>
      [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map((found) => join(dirname(path), found[1] ?? '')),
    );
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter((link) => !existsSync(link))).toEqual([]);
  });

  it('list every error code with its status', async () => {
    const text = await readFile(join(ROOT, 'docs/api.md'), 'utf8');
    const missing = Object.entries(ERROR_CODES).filter(
      ([code, { status }]) => !text.includes(`| ${status} | \`${code}\``),
    );
    expect(missing).toEqual([]);
  });
});

async function documents() {
  const inDocs = (await readdir(join(ROOT, 'docs'), { recursive: true })).map((name) => join('docs', name));
  const names = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...inDocs].filter((name) => name.endsWith('.md'));
  return Promise.all(
    names.map(async (name) => ({ path: join(ROOT, name), text: await readFile(join(ROOT, name), 'utf8') })),
  );
}
