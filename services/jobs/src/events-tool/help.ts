/** Text for `addHelpText('after', …)`. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ourvidz-events ${line}`).join('\n')}`;
}
