import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveStore } from '#asset-store/resolve-store.js';
import type { JobView } from '#contracts/http/answers.js';
import { unlessMissing } from '#service-kit/file-errors.js';
import { signToken } from './access-token.js';
import { assetFiles, assetUrls, runDemonstration } from './demonstration.js';
import type { RunningPlatform } from './platform.js';
import { ProgressDisplay } from './progress-display.js';
import type { LauncherSettings } from './settings.js';
import type { Terminal } from './terminal.js';

const USER = 'demo';
/** A job takes seconds; a cold engine may take minutes to load. */
const PATIENCE_MS = 10 * 60_000;
const TOKEN_SECONDS = 3_600;

/** Shows on a new platform that it works: makes one job and tells where its pictures are. A failure is only told. */
export async function demonstrate(
  platform: RunningPlatform,
  settings: LauncherSettings,
  terminal: Terminal,
  stopped: AbortSignal,
): Promise<void> {
  const marker = join(settings.dataDir, 'demonstrated');
  if (!(await isWanted(settings.demonstration, marker))) return;
  terminal.say('Making six pictures to show that everything works (--no-demo skips this):');
  const display = new ProgressDisplay(terminal);
  try {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(PATIENCE_MS)]);
    const api = { url: platform.url, token: await demoToken(platform, settings), signal };
    const job = await runDemonstration(api, (percent, stage) => display.update(percent, stage));
    display.end();
    tellFiles(job, platform, terminal);
    await writeFile(marker, `${job.id}\n`);
  } catch (error) {
    display.end();
    if (!stopped.aborted) terminal.warn(failure(error));
  }
}

async function isWanted(demonstration: LauncherSettings['demonstration'], marker: string): Promise<boolean> {
  if (demonstration !== 'first') return demonstration === 'always';
  return (await unlessMissing(stat(marker))) === undefined;
}

function demoToken({ tokenSecret: secret }: RunningPlatform, { issuer, audience }: LauncherSettings): Promise<string> {
  return signToken({ secret, user: USER, lifetimeSeconds: TOKEN_SECONDS, issuer, audience });
}

function tellFiles(job: JobView, { assetStore }: RunningPlatform, terminal: Terminal): void {
  const inFolder = assetStore.startsWith('file:');
  for (const place of inFolder ? assetFiles(job, resolveStore(assetStore).root) : assetUrls(job)) {
    terminal.say(`  ${place}`);
  }
}

function failure(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `The demonstration failed: ${reason}\nThe platform stays up. To try again: npm start -- --demo`;
}
