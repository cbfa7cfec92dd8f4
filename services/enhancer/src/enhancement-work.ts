/** The enhancer's work: takes requested jobs, and lets each go on with an enhanced prompt or with its own. */
import { isEnded, type Job } from '#contracts/domain/job.js';
import { enhancePrompt } from '#contracts/domain/job-decisions.js';
import { WAN_PROMPT_MAX_TOKENS } from '#contracts/limits.js';
import type { Bus } from '#eventing/bus.js';
import type { Delivery } from '#eventing/delivery.js';
import { done, type Handled, reject, retryAfter } from '#eventing/handled.js';
import { JobStore } from '#eventing/job-store.js';
import { onCancel, publishProgress } from '#eventing/live.js';
import type { Log } from '#service-kit/log.js';
import { type CancellationPorts, whenCancelled } from '#worker/cancellation.js';
import { ProgressReporter } from '#worker/progress-reporter.js';
import { StopReason } from '#worker/stop-reason.js';
import type { EnhancementResult, PromptEnhancer } from './prompt-enhancer.js';
import { estimateTokens } from './token-estimate.js';

/** No attempt has begun while a prompt is enhanced. */
const BEFORE_ANY_ATTEMPT = 0;

export class EnhancementWork {
  private readonly store: JobStore;
  private readonly cancellation: CancellationPorts;

  constructor(
    private readonly enhancer: PromptEnhancer,
    private readonly bus: Bus,
    private readonly log: Log,
    /** Aborts when the job in hand must be given back at once. */
    private readonly handBack: AbortSignal,
  ) {
    this.store = new JobStore(bus);
    this.cancellation = { store: this.store, log, onCancel: (jobId, listener) => onCancel(bus, jobId, listener) };
  }

  /** Ends with the message done once what became of the prompt is stored. */
  async handle(delivery: Delivery): Promise<Handled> {
    const event = delivery.event();
    if (event?.type !== 'JobRequested') return reject('not a request of a job');
    const job = await this.store.load(event.data.jobId, delivery.sequence);
    if (!job || isEnded(job) || job.enhanced) return done();
    return this.enhance(job, delivery);
  }

  private async enhance(job: Job, delivery: Delivery): Promise<Handled> {
    const { jobId } = job.requested;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.handBack]);
    const endListening = whenCancelled(this.cancellation, jobId, () =>
      stop.abort(new StopReason('cancelled', 'the job is cancelled')),
    );
    try {
      const startedAt = Date.now();
      const result = await this.write(job, signal);
      await this.append(job, result, Date.now() - startedAt, delivery.traceparent);
      return done();
    } catch (error) {
      if (stop.signal.aborted) return done();
      if (this.handBack.aborted) return retryAfter(0);
      throw error;
    } finally {
      endListening();
    }
  }

  private async write({ requested }: Job, signal: AbortSignal): Promise<EnhancementResult> {
    const { jobId, prompt, seeds } = requested;
    const about = { jobId, attempt: BEFORE_ANY_ATTEMPT, stage: 'enhancing' as const };
    const progress = new ProgressReporter(about, (snapshot) => publishProgress(this.bus, snapshot));
    const onText = (soFar: string) => progress.report(progressAt(estimateTokens(soFar)));
    progress.report(progressAt(0));
    try {
      return await this.enhancer.enhance({ original: prompt.text, seed: seeds[0] ?? 0, onText, signal });
    } finally {
      progress.close();
    }
  }

  private async append(job: Job, result: EnhancementResult, durationMs: number, traceparent?: string): Promise<void> {
    const { model } = this.enhancer;
    const what = 'enhanced' in result ? { enhanced: { text: result.enhanced } } : result;
    const decide = (current: Job | undefined) => enhancePrompt(current, { ...what, model, durationMs });
    const stored = await this.store.execute(job.requested.jobId, decide, { known: job, traceparent });
    const { jobId } = job.requested;
    if (stored.outcome === 'refused')
      this.log.debug({ jobId, reason: stored.reason }, 'the prompt is not needed any more');
  }
}

/** By what the model can read at most: a shorter prompt is done before it is all used up. */
function progressAt(tokens: number) {
  const steps = WAN_PROMPT_MAX_TOKENS;
  const step = Math.min(tokens, steps);
  return { percent: Math.min(99, Math.floor((step / steps) * 100)), stage: 'enhancing' as const, step, steps };
}
