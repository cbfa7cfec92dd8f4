import { describe, expect, it } from 'vitest';
import { KINDS, planFaults } from './fault-schedule.js';

const TARGETS = { gateways: ['gateway-1', 'gateway-2'], jobs: ['jobs-1'], workers: ['worker-1', 'worker-2'] };
const PLAN = { seed: 7, everyMs: 1_000, untilMs: 600_000 };

describe('the schedule of faults', () => {
  it('follows from the seed', () => {
    expect(planFaults(TARGETS, PLAN)).toEqual(planFaults(TARGETS, PLAN));
    expect(planFaults(TARGETS, PLAN)).not.toEqual(planFaults(TARGETS, { ...PLAN, seed: 8 }));
  });

  it('has every kind of fault and hits every target', () => {
    const faults = planFaults(TARGETS, PLAN);
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(KINDS));
    const all = [...TARGETS.gateways, ...TARGETS.jobs, ...TARGETS.workers, 'nats', 'postgres', 'assets'];
    expect(new Set(faults.map(({ target }) => target))).toEqual(new Set(all));
  });

  it('never hits what is still under a fault', () => {
    const upAgain = new Map<string, number>();
    for (const { target, atMs, lastsMs } of planFaults(TARGETS, PLAN)) {
      expect(atMs).toBeGreaterThanOrEqual(upAgain.get(target) ?? 0);
      upAgain.set(target, atMs + lastsMs);
    }
  });
});
