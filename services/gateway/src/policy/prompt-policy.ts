import { Inject, Injectable } from '@nestjs/common';
import { type PolicyInput, type PolicyRefusal, refusalFor } from '#content-policy/content-policy.js';
import type { Caller } from '../auth/token-verifier.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { ApiError } from '../http/api-error.js';
import { type AskedAt, Audit } from './audit.js';

/** The content policy at the door: every text of a client that reaches an engine passes here. */
@Injectable()
export class PromptPolicy {
  constructor(
    private readonly audit: Audit,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'allowAdult'>,
  ) {}

  /**
   * Adult content needs both the operator's `ALLOW_ADULT` and the claim in the caller's token.
   * @throws ApiError `content_policy`; the refusal is kept for the operator, without the text.
   */
  check(texts: PolicyInput, caller: Caller, at: AskedAt): void {
    const refusal = refusalFor(texts, { adultAllowed: this.configuration.allowAdult && caller.isAdult });
    if (refusal === undefined) return;
    this.audit.refused(refusal, caller, at);
    throw new ApiError('content_policy', { details: this.detailsOf(refusal, caller) });
  }

  private detailsOf({ category }: PolicyRefusal, { isAdult }: Caller): string {
    if (category === 'minors') return 'sexual content involving minors is refused whatever the settings';
    const missing = [
      ...(this.configuration.allowAdult ? [] : ['ALLOW_ADULT is not set on this server']),
      ...(isAdult ? [] : ['the token has no claim "adult": true']),
    ];
    return `adult content: ${missing.join(', and ')}`;
  }
}
