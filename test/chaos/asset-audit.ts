/** Whether every picture is there for its owner, and no file that nobody knows of. */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type Job, liveAssets } from '#contracts/domain/job.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import type { AssetView } from '#contracts/http/answers.js';
import { type Finding, lost, wrong } from './verdict.js';

type Ask = (user: string, path: string) => Promise<Response | undefined>;

/** What the API lists and serves to each user, against the folds. */
export async function auditServedAssets(jobs: Iterable<Job>, ask: Ask): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [user, owned] of Map.groupBy(jobs, ({ requested }) => requested.userId)) {
    const expected = new Map(owned.flatMap(liveAssets).map((asset) => [asset.id, asset]));
    const listed = await listAll<AssetView>(user, 'assets', ask);
    const jobIds = new Set((await listAll<{ id: string }>(user, 'jobs', ask)).map(({ id }) => id));
    const unlisted = owned.filter(({ requested }) => !jobIds.has(requested.jobId));
    findings.push(...unlisted.map(({ requested }) => lost(`job ${requested.jobId} is not listed`)));
    findings.push(...compareLists(expected, listed));
    for (const view of listed) findings.push(...(await auditFile(view)));
  }
  return findings;
}

async function listAll<T>(user: string, what: 'jobs' | 'assets', ask: Ask): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const response = await ask(user, `/api/${what}?limit=100${cursor && `&cursor=${cursor}`}`);
    if (!response?.ok) throw new Error(`the ${what} of ${user} cannot be listed: ${response?.status}`);
    const page = (await response.json()) as Record<typeof what, T[]> & { next_cursor: string | null };
    items.push(...page[what]);
    cursor = page.next_cursor;
  }
  return items;
}

function compareLists(expected: ReadonlyMap<string, StoredAsset>, listed: readonly AssetView[]): Finding[] {
  const ids = new Set(listed.map(({ id }) => id));
  const unlisted = [...expected.keys()].filter((id) => !ids.has(id));
  const strange = listed.filter(({ id, sha256 }) => expected.get(id)?.sha256 !== sha256);
  return [
    ...unlisted.map((id) => lost(`asset ${id} is not listed`)),
    ...strange.map(({ id }) => wrong(`asset ${id} is listed and is not there, or is another one`)),
    ...(ids.size === listed.length ? [] : [wrong('an asset is listed twice')]),
  ];
}

async function auditFile({ id, url, sha256, bytes }: AssetView): Promise<Finding[]> {
  const response = await fetch(url);
  const content = Buffer.from(await response.arrayBuffer());
  if (!response.ok) return [lost(`asset ${id} cannot be read: ${response.status}`)];
  const same = content.length === bytes && createHash('sha256').update(content).digest('hex') === sha256;
  return same ? [] : [lost(`the file of asset ${id} is not the one that was stored`)];
}

/** The files in the store against the assets that are there by the folds. */
export async function auditStoredFiles(folder: string, jobs: Iterable<Job>): Promise<Finding[]> {
  const assets = [...jobs].flatMap(liveAssets);
  const expected = new Set(assets.flatMap(({ key, preview }) => (preview ? [key, preview.key] : [key])));
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const keys = new Set(files.map((entry) => relative(folder, join(entry.parentPath, entry.name))));
  return [
    ...[...expected].filter((key) => !keys.has(key)).map((key) => lost(`the file ${key} is gone`)),
    ...[...keys].filter((key) => !expected.has(key)).map((key) => wrong(`no event tells of the file ${key}`)),
  ];
}
