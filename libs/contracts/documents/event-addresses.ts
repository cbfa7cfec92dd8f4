import { type EventType, JOB_EVENT_TOKENS, type JobEventData } from '#contracts/events/registry.js';
import type { Route } from '#contracts/job-catalogue.js';
import {
  accountSubject,
  assetSubject,
  auditSubject,
  jobSubject,
  type Lane,
  projectSubject,
  webhookSubject,
} from '#contracts/subjects.js';

const ACCOUNT = accountSubject('{accountKey}');
const WEBHOOKS = webhookSubject('{accountKey}');
const PROJECT = projectSubject('{accountKey}', '{projectId}');

const OTHERS: Readonly<Record<Exclude<EventType, keyof JobEventData>, string>> = {
  AssetDeleted: assetSubject('deleted', '{jobId}', '{index}' as '*'),
  AssetFavorited: assetSubject('favorited', '{jobId}', '{index}' as '*'),
  CreditsGranted: ACCOUNT,
  CreditsReserved: ACCOUNT,
  CreditsCharged: ACCOUNT,
  CreditsReleased: ACCOUNT,
  ProjectCreated: PROJECT,
  ProjectChanged: PROJECT,
  ProjectDeleted: PROJECT,
  WebhookRegistered: WEBHOOKS,
  WebhookRemoved: WEBHOOKS,
  RequestRefused: auditSubject('{accountKey}'),
};

/** The subject of an event with `{names}` for the tokens that differ. */
export function eventAddress(type: EventType): string {
  return isJobEvent(type)
    ? jobSubject('{route}' as Route, '{lane}' as Lane, JOB_EVENT_TOKENS[type], '{jobId}')
    : OTHERS[type];
}

function isJobEvent(type: EventType): type is keyof JobEventData {
  return type in JOB_EVENT_TOKENS;
}
