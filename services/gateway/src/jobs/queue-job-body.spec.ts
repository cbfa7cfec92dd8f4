import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOB_TYPES } from '#contracts/job-catalogue.js';
import { ApiError } from '../http/api-error.js';
import { readQueueJobBody } from './queue-job-body.js';

/** A body as a client might get it wrong: right keys with any values, in any company. */
const body = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      jobType: fc.oneof(fc.constantFrom(...JOB_TYPES), fc.jsonValue()),
      metadata: fc.oneof(
        fc.jsonValue(),
        fc.record(
          {
            prompt: fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.jsonValue()),
            negative_prompt: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
            seed: fc.oneof(fc.integer(), fc.double(), fc.jsonValue()),
            count: fc.oneof(fc.integer({ min: -1, max: 8 }), fc.jsonValue()),
            credits: fc.oneof(fc.integer(), fc.jsonValue()),
            bucket: fc.oneof(fc.constantFrom(...JOB_TYPES), fc.jsonValue()),
            ['__proto__']: fc.jsonValue(),
            note: fc.jsonValue(),
          },
          { requiredKeys: [] },
        ),
      ),
      projectId: fc.oneof(fc.uuid(), fc.jsonValue()),
      imageId: fc.oneof(fc.uuid(), fc.jsonValue()),
      videoId: fc.oneof(fc.uuid(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  ),
);

function outcome(value: unknown): 'taken' | ApiError {
  try {
    readQueueJobBody(value);
    return 'taken';
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

describe('any body', () => {
  it('gets a job or an error of the contract that is the client’s', () => {
    fc.assert(
      fc.property(body, (value) => {
        const result = outcome(JSON.parse(JSON.stringify(value)));
        if (result === 'taken') return;
        expect(result.status).toBe(400);
        expect(result.body).toMatchObject({ success: false, error: expect.any(String), retryable: false });
      }),
      { numRuns: 1_000 },
    );
  });

  it('nested deeper than anybody needs is refused, not fatal', () => {
    const deep = JSON.parse(`${'[{"a":'.repeat(20_000)}1${'}]'.repeat(20_000)}`);
    for (const value of [deep, { jobType: deep }, { jobType: 'image_fast', metadata: { prompt: 'x', note: deep } }]) {
      expect(outcome(value)).toMatchObject({ status: 400 });
    }
  });
});

describe('a body', () => {
  const wish = (metadata: object, jobType = 'sdxl_image_fast') => readQueueJobBody({ jobType, metadata });

  it('has its prompt trimmed', () => {
    expect(wish({ prompt: '  a  garden\n' }).prompt).toBe('a  garden');
  });

  it('may say null where it says nothing', () => {
    const nothing = { prompt: 'x', negative_prompt: null, seed: null, count: null, credits: null, bucket: null };
    expect(wish(nothing)).toMatchObject({ count: 6, seed: undefined, negativePrompt: undefined });
  });

  it('names a negative prompt for job types that take one, others ignore it', () => {
    expect(wish({ prompt: 'x', negative_prompt: ' fog ' }).negativePrompt).toBe('fog');
    expect(wish({ prompt: 'x', negative_prompt: 'fog' }, 'image_fast').negativePrompt).toBeUndefined();
  });

  it('asks for more than one output only where a job type makes several', () => {
    expect(wish({ prompt: 'x', count: 1 }, 'video_fast').count).toBe(1);
    expect(() => wish({ prompt: 'x', count: 2 }, 'video_fast')).toThrow('metadata.count must be 1');
  });
});
