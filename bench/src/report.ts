/** What was measured, as a Markdown table. */

/** One line of the table. */
export interface Row {
  /** What is measured. */
  readonly what: string;
  readonly ours: string;
  /** What it is held against, in the same run. */
  readonly beside?: string;
  /** Ours divided by the other, or by the goal's own measure. */
  readonly ratio?: string;
  /** Undefined where nothing was promised. */
  readonly goal?: { readonly text: string; readonly met: boolean };
}

const HEAD = ['measure', 'OurVidz', 'beside it', 'ratio', 'goal', 'met'];

export function markdown(title: string, rows: readonly Row[]): string {
  const lines = rows.map(({ what, ours, beside = '', ratio = '', goal }) => [
    ...[what, ours, beside, ratio, goal?.text ?? ''],
    goal ? (goal.met ? 'yes' : '**no**') : '',
  ]);
  const table = [HEAD, HEAD.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
  return `### ${title}\n\n${table.join('\n')}\n`;
}

/** `1,234` */
export function count(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : 'not measured';
}

/** Milliseconds with as many digits as make sense. */
export function ms(value: number): string {
  return `${value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0)} ms`;
}

export function spread({ p50, p99 }: { readonly p50: number; readonly p99: number }): string {
  return `p50 ${ms(p50)}, p99 ${ms(p99)}`;
}

export function share(value: number): string {
  return `${Math.round(value * 100)}%`;
}

export function times(value: number): string {
  return `${value.toFixed(2)}×`;
}
