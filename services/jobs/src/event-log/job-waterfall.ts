/** Where the time of a job went, from its events alone. Pure. */
import type { JobTimings } from '#contracts/events/job-events.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';

/** What a job does with its time. `lost`: an attempt whose worker did not come to an end. */
export type Phase = 'waited' | 'enhanced' | 'lost' | 'loaded' | 'generated' | 'uploaded' | 'worked';

export interface Span {
  readonly phase: Phase;
  /** Milliseconds after the request. */
  readonly from: number;
  readonly ms: number;
}

interface Step {
  readonly phase: Phase;
  readonly ms: number;
}

/** The spans of a job, one after the other, without those that took no time. An open job is drawn up to `now`. */
export function waterfall(history: readonly JobHistoryEvent[], now: Date): Span[] {
  const requested = history.find(({ type }) => type === 'JobRequested');
  if (!requested) return [];
  const spans: Span[] = [];
  let from = 0;
  const startedAt = Date.parse(requested.time);
  for (const { phase, ms } of steps(history, startedAt, now.getTime())) {
    if (ms > 0) spans.push({ phase, from, ms });
    from += ms;
  }
  return spans;
}

function* steps(history: readonly JobHistoryEvent[], requestedAt: number, now: number): Generator<Step> {
  let at = requestedAt;
  let working = false;
  for (const event of history) {
    const time = Math.max(Date.parse(event.time), at);
    switch (event.type) {
      case 'PromptEnhanced': {
        const enhanced = Math.min(event.data.durationMs, time - at);
        yield { phase: 'waited', ms: time - at - enhanced };
        yield { phase: 'enhanced', ms: enhanced };
        break;
      }
      case 'JobStarted':
        yield { phase: working ? 'lost' : 'waited', ms: time - at };
        working = true;
        break;
      case 'JobCompleted':
        return yield* attempt(event.data.timings, time - at);
      case 'JobFailed':
      case 'JobCancelled':
        return yield { phase: working ? 'worked' : 'waited', ms: time - at };
      default:
        continue;
    }
    at = time;
  }
  yield { phase: working ? 'worked' : 'waited', ms: Math.max(now - at, 0) };
}

/** The worker measures by its own clock: what is left of the whole counts as generating. */
function attempt({ loadedMs = 0, storedMs }: JobTimings, wholeMs: number): Step[] {
  const uploaded = Math.min(storedMs, wholeMs);
  const loaded = Math.min(loadedMs, wholeMs - uploaded);
  return [
    { phase: 'loaded', ms: loaded },
    { phase: 'generated', ms: wholeMs - uploaded - loaded },
    { phase: 'uploaded', ms: uploaded },
  ];
}
