import { Injectable } from '@nestjs/common';
import { promptForJobs } from '#contracts/domain/project.js';
import type { Caller } from '../auth/token-verifier.js';
import type { JobWish } from '../jobs/queue-job-body.js';
import { PromptPolicy } from '../policy/prompt-policy.js';
import { Projects } from './projects.js';

/** A wish with the prompt that is used for it. */
export interface PromptedWish extends JobWish {
  readonly prompt: string;
  readonly characterId?: string;
}

/** As it stands in the audit. */
const ROUTE = 'POST /api/queue-job';

/** Which prompt a job is made with: the project's, or the one that came with the wish. Both obey the content policy. */
@Injectable()
export class JobPrompts {
  constructor(
    private readonly policy: PromptPolicy,
    private readonly projects: Projects,
  ) {}

  /** @throws ApiError `content_policy`, `unknown_project`, `projects_unavailable` */
  async choose(wish: JobWish, caller: Caller, traceparent: string): Promise<PromptedWish> {
    if (wish.prompt !== undefined) this.check(wish.prompt, wish, caller, traceparent);
    if (wish.projectId === undefined) return withPrompt(wish, wish.prompt);
    const project = await this.projects.find(caller.accountKey, wish.projectId);
    const prompt = promptForJobs(project);
    // The policy may have become stricter since the project was stored, and the negative prompt is new to it.
    this.check(prompt, wish, caller, traceparent);
    return { ...withPrompt(wish, prompt), characterId: project.characterId };
  }

  private check(prompt: string, { negativePrompt }: JobWish, caller: Caller, traceparent: string): void {
    this.policy.check({ prompt, negativePrompt }, caller, { route: ROUTE, traceparent });
  }
}

function withPrompt(wish: JobWish, prompt: string | undefined): PromptedWish {
  if (prompt === undefined) throw new Error('a job without a project has a prompt of its own');
  return { ...wish, prompt };
}
