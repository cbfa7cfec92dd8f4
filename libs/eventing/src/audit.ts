import type { RequestRefused } from '#contracts/events/audit-events.js';
import { auditSubject } from '#contracts/subjects.js';
import { appendRecord } from './append.js';
import type { Bus } from './bus.js';
import { seal } from './envelope.js';

/** Keeps that something was refused. Rejects as `append` does. */
export async function recordRefusal(bus: Bus, refused: RequestRefused, traceparent: string): Promise<void> {
  const { accountKey } = refused;
  const about = { source: bus.service, subjectId: accountKey, traceparent };
  await appendRecord(bus, auditSubject(accountKey), seal({ type: 'RequestRefused', data: refused }, about));
}
