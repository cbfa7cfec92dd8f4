import type { Lane } from '#contracts/subjects.js';

/** The lane of a user's next job: one job goes ahead of those who have several, so that nobody hogs an engine. */
export function laneFor(othersOpen: number): Lane {
  return othersOpen === 0 ? 'interactive' : 'bulk';
}
