import { ERROR_CODES, type ErrorBody, type ErrorCode } from '#contracts/http/error-codes.js';

interface ErrorDetails {
  /** For the developer. Never the text of a prompt. */
  readonly details?: string;
  /** For the user, where the code's own words are not enough. */
  readonly error?: string;
  readonly validJobTypes?: readonly string[];
  /** Where more is known than the code's usual `Retry-After`. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** Seconds after which trying again makes sense: the answer's `Retry-After`. */
const RETRY_AFTER_SECONDS: Partial<Record<ErrorCode, number>> = {
  rate_limited: 10,
  own_queue_limit: 30,
  authentication_unavailable: 5,
  queue_full: 15,
  queue_unavailable: 2,
  lists_unavailable: 2,
  receipt_not_ready: 2,
  storage_unavailable: 10,
  webhooks_unavailable: 2,
  projects_unavailable: 2,
};

/** An answer that is not a success. Only the gateway knows HTTP errors; the rest of the platform has results. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: ErrorCode,
    private readonly what: ErrorDetails = {},
  ) {
    super(what.details ?? code, { cause: what.cause });
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  get retryAfterSeconds(): number | undefined {
    return this.what.retryAfterSeconds ?? RETRY_AFTER_SECONDS[this.code];
  }

  /** The one error body. */
  get body(): ErrorBody {
    const { error, retryable, suggestedAction } = ERROR_CODES[this.code];
    const { details, validJobTypes } = this.what;
    return {
      success: false,
      error: this.what.error ?? error,
      code: this.code,
      details,
      retryable,
      suggestedAction,
      validJobTypes,
    };
  }
}
