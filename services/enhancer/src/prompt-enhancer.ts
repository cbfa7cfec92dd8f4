/** Enhances one prompt: asks the writer until an answer is usable, or there is no more use in asking. */
import { setTimeout as delay } from 'node:timers/promises';
import { refusalForRewrite } from '#content-policy/content-policy.js';
import type { EnhancementSkip } from '#contracts/events/job-events.js';
import { ENHANCEMENT_TIMEOUT_MS, WAN_PROMPT_MAX_TOKENS } from '#contracts/limits.js';
import type { Log } from '#service-kit/log.js';
import { faultOf, tidy } from './answer.js';
import { cutToTokens } from './cut.js';
import type { Language } from './language.js';
import { type PromptWriter, WriterError, type WritingTask } from './prompt-writer.js';
import { estimateTokens } from './token-estimate.js';

export interface EnhancerSettings {
  readonly language: Language;
  /** The writer's instructions: what must not come back as an answer. */
  readonly instructions: string;
  /** For one prompt, in milliseconds. */
  readonly limitMs?: number;
  /** Before the second try, in milliseconds; twice as long before each further one. */
  readonly firstPauseMs?: number;
}

export type EnhancementResult = { readonly enhanced: string } | { readonly skipped: EnhancementSkip };

export interface EnhancementCall {
  readonly original: string;
  readonly seed: number;
  /** All of the answer so far; a further try begins anew. */
  readonly onText: (soFar: string) => void;
  readonly signal: AbortSignal;
}

const MOST_TRIES = 5;
const FIRST_PAUSE_MS = 500;
/** Below this there is no room to say more than the original says. */
const ROOM_TOKENS = 64;

export class PromptEnhancer {
  constructor(
    private readonly writer: PromptWriter,
    private readonly settings: EnhancerSettings,
    private readonly log: Log,
  ) {}

  get model(): string {
    return this.writer.model;
  }

  /** Rejects with the signal's reason when that aborts, and with what is wrong with the program. */
  async enhance(call: EnhancementCall): Promise<EnhancementResult> {
    if (estimateTokens(call.original) > WAN_PROMPT_MAX_TOKENS - ROOM_TOKENS) return { skipped: 'prompt_too_long' };
    const limitMs = this.settings.limitMs ?? ENHANCEMENT_TIMEOUT_MS;
    const limit = AbortSignal.timeout(limitMs);
    const signal = AbortSignal.any([call.signal, limit]);
    try {
      return await new Tries(this.writer, this.settings, this.log, { ...call, signal }, Date.now() + limitMs).run();
    } catch (error) {
      call.signal.throwIfAborted();
      if (limit.aborted) return { skipped: 'timeout' };
      throw error;
    }
  }
}

/** What one try came to. */
type TryResult =
  | { readonly is: 'usable'; readonly text: string }
  | { readonly is: 'too long'; readonly text: string }
  | { readonly is: 'useless' }
  | { readonly is: 'failed'; readonly error: WriterError };

class Tries {
  private tooLong: string | undefined;
  private skipped: EnhancementSkip = 'no_usable_answer';

  constructor(
    private readonly writer: PromptWriter,
    private readonly settings: EnhancerSettings,
    private readonly log: Log,
    private readonly call: EnhancementCall,
    /** Milliseconds since 1970. */
    private readonly deadline: number,
  ) {}

  async run(): Promise<EnhancementResult> {
    for (let nth = 1; nth <= MOST_TRIES; nth++) {
      const result = await this.tryOnce(nth);
      if (result.is === 'usable') return this.permitted(result.text);
      if (result.is === 'too long' && this.tooLong !== undefined) break;
      if (result.is === 'too long') this.tooLong = result.text;
      this.skipped = result.is === 'failed' ? 'engine_failed' : 'no_usable_answer';
      if (result.is === 'failed' && !(await this.pauseAfter(result.error, nth))) break;
    }
    if (this.tooLong === undefined) return { skipped: this.skipped };
    return this.permitted(cutToTokens(this.tooLong, WAN_PROMPT_MAX_TOKENS));
  }

  private async tryOnce(nth: number): Promise<TryResult> {
    const { original, seed, onText, signal } = this.call;
    const task: WritingTask = { original, seed: seed + nth - 1, tooLong: this.tooLong };
    try {
      const { text, cutOff } = await this.writer.write(task, onText, signal);
      return this.judged(tidy(text), cutOff, nth);
    } catch (error) {
      if (!(error instanceof WriterError)) throw error;
      this.log.warn({ err: error, nth }, 'the engine did not enhance a prompt');
      return { is: 'failed', error };
    }
  }

  private judged(text: string, cutOff: boolean, nth: number): TryResult {
    const { instructions, language } = this.settings;
    const fault = faultOf({ text, cutOff }, { original: this.call.original, instructions, language });
    if (fault) {
      this.log.warn({ fault, nth }, 'an enhanced prompt is not usable');
      return { is: 'useless' };
    }
    return { is: estimateTokens(text) <= WAN_PROMPT_MAX_TOKENS ? 'usable' : 'too long', text };
  }

  /** Whether there is to be a further try: not for what stays wrong, and not when it would come too late. */
  private async pauseAfter({ retryable, retryAfterMs }: WriterError, nth: number): Promise<boolean> {
    const most = (this.settings.firstPauseMs ?? FIRST_PAUSE_MS) * 2 ** (nth - 1);
    // Many enhancers that failed together do not come back together.
    const pauseMs = retryAfterMs ?? most * (0.5 + Math.random() / 2);
    if (!retryable || nth === MOST_TRIES || Date.now() + pauseMs >= this.deadline) return false;
    await delay(pauseMs, undefined, { signal: this.call.signal });
    return true;
  }

  /** What a language model makes of a permitted prompt need not be permitted. */
  private permitted(text: string): EnhancementResult {
    const refusal = refusalForRewrite(this.call.original, text);
    if (!refusal) return { enhanced: text };
    this.log.warn({ rule: refusal.rule }, 'an enhanced prompt is against the content policy');
    return { skipped: 'content_policy' };
  }
}
