/** What a run is told as: a Markdown table, and whatever was found wrong. */
import type { ChaosResult } from '../chaos/chaos-run.js';
import type { Finding } from '../chaos/verdict.js';
import type { SoakOptions } from './soak-options.js';

/** All that is to be told of a run. */
export interface SoakResult {
  readonly options: SoakOptions;
  readonly chaos: ChaosResult;
  /** Of all projections, while the platform worked under faults. */
  readonly rebuilds: { readonly done: number; readonly killed: number; readonly stopped: number };
  readonly findings: readonly Finding[];
}

const MOST_FINDINGS = 40;

export function reportOf({ options, chaos, rebuilds, findings }: SoakResult): string {
  const ended = Object.entries(chaos.jobs).map(([status, number]) => `${number} ${status}`);
  const rows: readonly (readonly [string, string | number])[] = [
    ['seconds of load and faults', options.seconds],
    ['faults', chaos.faults.length],
    ['jobs by their end', ended.join(', ')],
    ['events of jobs, assets', `${chaos.events}, ${chaos.assets}`],
    ['rebuilds of all projections meanwhile: done, killed, stopped by a fault', Object.values(rebuilds).join(', ')],
    ['found wrong', findings.length],
  ];
  const lines = [['', 'number'], ['---', '--:'], ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  const told = findings.slice(0, MOST_FINDINGS).map(({ verdict, text }) => `* ${verdict}: ${text}`);
  const more = findings.length - told.length;
  return [...lines, '', ...told, ...(more > 0 ? [`* and ${more} more`] : []), again(options)].join('\n');
}

/** The result as one JSON document. */
export function jsonOf({ options, chaos, rebuilds, findings }: SoakResult): string {
  const { events, assets, jobs, faults } = chaos;
  return JSON.stringify({ options, faults: faults.length, jobs, events, assets, rebuilds, findings }, undefined, 2);
}

function again({ seconds, seed }: SoakOptions): string {
  const length = seconds % 60 === 0 ? `--minutes ${seconds / 60}` : '--short';
  return `Again: npm run soak -- ${length} --seed ${seed}`;
}
