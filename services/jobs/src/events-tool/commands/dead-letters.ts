/** `dead-letters …`: messages that no worker could deal with, and what to do about their jobs. */
import { Argument, type Command } from 'commander';
import type { Job } from '#contracts/domain/job.js';
import type { DeadLetterOutcome } from '#contracts/queries.js';
import { discardDeadLetter, type KeptDeadLetter, readDeadLetters } from '#eventing/dead-letters.js';
import { JobStore } from '#eventing/job-store.js';
import { JobRetry, type RetryResult } from '../../dead-letters/job-retry.js';
import { jobsOf, outcomeOf } from '../../queries/dead-letter-lists.js';
import { count, position } from '../arguments.js';
import { EXIT, type ExitCode, refused } from '../exit-codes.js';
import { examples } from '../help.js';
import { table } from '../output.js';
import { runWork, type Tool } from '../tool.js';

const LISTED = 50;
const PAGE = 100;

export function addDeadLetterCommands(program: Command): void {
  const letters = program.command('dead-letters').description('messages that no worker could deal with');
  letters
    .command('list')
    .description('list them, the newest first')
    .option('--limit <n>', 'so many at most', count, LISTED)
    .addHelpText('after', examples('dead-letters list', 'dead-letters list --limit 5 --json'))
    .action(({ limit }: { limit: number }, command: Command) => runWork(command, (tool) => list(tool, limit)));
  const ofOne = (name: string, description: string, work: (tool: Tool, place: number) => Promise<ExitCode>) =>
    letters
      .command(name)
      .description(description)
      .addArgument(new Argument('<place>', 'its place, as `list` tells it').argParser(position))
      .addHelpText('after', examples(`dead-letters ${name} 12`))
      .action((place: number, _options: unknown, command: Command) => runWork(command, (tool) => work(tool, place)));
  ofOne('show', 'tell what is known of one, and of its job', show);
  ofOne('retry', 'ask for its failed job again: a new job, with credits reserved anew', retry);
  ofOne('discard', 'put one away for ever; its job stays as it is', discard);
}

/** A letter with what became of its job. */
interface Told extends KeptDeadLetter {
  readonly job?: Job;
  readonly outcome: DeadLetterOutcome;
}

async function list(tool: Tool, limit: number): Promise<ExitCode> {
  const bus = await tool.bus();
  const found: Told[] = [];
  let before: number | undefined;
  do {
    const { letters, next } = await readDeadLetters(bus, Math.min(limit - found.length, PAGE), before);
    found.push(...(await withJobs(tool, letters)));
    before = next;
  } while (before !== undefined && found.length < limit);
  tool.output.result({ letters: found.map(view) }, () => listText(found));
  return EXIT.ok;
}

async function show(tool: Tool, place: number): Promise<ExitCode> {
  const letter = view(await letterAt(tool, place));
  const lines = Object.entries(letter).filter(([, value]) => value !== undefined);
  tool.output.result(letter, () => lines.map(([key, value]) => `${key.padEnd(12)} ${value}`).join('\n'));
  return EXIT.ok;
}

async function retry(tool: Tool, place: number): Promise<ExitCode> {
  const { job, outcome } = await letterAt(tool, place);
  if (!job) throw refused(`The job of dead letter ${place} is not known.`);
  if (outcome === 'pending') throw refused(STILL_PENDING);
  if (job.status !== 'failed') throw refused(`Job ${job.requested.jobId} has not failed: it is ${job.status}.`);
  const { jobId, credits } = job.requested;
  if (tool.dryRun) return toldRetry(tool, `Job ${jobId} would be asked for again.`, { done: false, retryOf: jobId });
  await tool.confirm(
    `Ask for job ${jobId} again? It costs its user ${credits} ${credits === 1 ? 'credit' : 'credits'}.`,
  );
  const bus = await tool.bus();
  const result = await new JobRetry(bus, new JobStore(bus)).retry(job);
  if (result.outcome === 'refused') throw refused(`Job ${jobId} cannot be asked for again: ${result.reason}.`);
  return toldRetry(tool, retryText(jobId, result), { done: result.isNew, retryOf: jobId, jobId: result.jobId });
}

function toldRetry(tool: Tool, text: string, result: object): ExitCode {
  tool.output.result(result, () => text);
  return EXIT.ok;
}

function retryText(jobId: string, { jobId: again, isNew }: Extract<RetryResult, { outcome: 'requested' }>): string {
  return isNew
    ? `Asked for job ${jobId} again, as job ${again}.`
    : `Job ${jobId} was asked for again before: ${again}.`;
}

async function discard(tool: Tool, place: number): Promise<ExitCode> {
  const { outcome } = await letterAt(tool, place);
  if (outcome === 'pending') throw refused(STILL_PENDING);
  if (!tool.dryRun) {
    await tool.confirm(`Put dead letter ${place} away for ever?`);
    await discardDeadLetter(await tool.bus(), place);
  }
  tool.output.result({ place, done: !tool.dryRun }, () =>
    tool.dryRun ? `Dead letter ${place} would be put away.` : `Dead letter ${place} is put away.`,
  );
  return EXIT.ok;
}

const STILL_PENDING = 'Its job has not ended: the jobs service deals with it as soon as it runs.';

async function letterAt(tool: Tool, place: number): Promise<Told> {
  const { letters } = await readDeadLetters(await tool.bus(), 1, place + 1);
  const [letter] = await withJobs(
    tool,
    letters.filter((found) => found.place === place),
  );
  if (!letter) throw refused(`There is no dead letter ${place}.`);
  return letter;
}

async function withJobs(tool: Tool, letters: readonly KeptDeadLetter[]): Promise<Told[]> {
  const jobs = await jobsOf(await tool.database(), letters);
  return letters.map((letter) => {
    const job = letter.jobId === undefined ? undefined : jobs.get(letter.jobId);
    return { ...letter, job, outcome: outcomeOf(job, letter) };
  });
}

/** Without the prompt. */
function view({ job, ...letter }: Told) {
  const { jobType, userId, lane, retryOf } = job?.requested ?? {};
  const error = job?.status === 'failed' ? job.failed.message : undefined;
  return { ...letter, jobStatus: job?.status, jobType, userId, lane, retryOf, error };
}

function listText(letters: readonly Told[]): string {
  if (letters.length === 0) return 'There are no dead letters.';
  const columns = [
    { heading: 'place', align: 'right' as const },
    ...['at', 'reason', 'consumer', 'job', 'outcome', 'detail'].map((heading) => ({ heading })),
  ];
  const rows = letters.map(({ place, at, reason, consumer, jobId, outcome, detail }) => {
    return [place, at.slice(0, 19), reason, consumer, jobId, outcome, detail];
  });
  return table(columns, rows);
}
