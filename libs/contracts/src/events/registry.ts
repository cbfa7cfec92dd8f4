/** Every event type by name, with its CloudEvents type. An event exists if it stands here. */
import type { AssetEventToken, JobEventToken } from '../subjects.js';
import type { CreditsCharged, CreditsGranted, CreditsReleased, CreditsReserved } from './account-events.js';
import type { RequestRefused } from './audit-events.js';
import type {
  AssetDeleted,
  AssetFavorited,
  AssetStored,
  JobCancelled,
  JobCompleted,
  JobFailed,
  JobRequested,
  JobStarted,
  PromptEnhanced,
} from './job-events.js';
import type { ProjectChanged, ProjectCreated, ProjectDeleted } from './project-events.js';
import type { WebhookRegistered, WebhookRemoved } from './webhook-events.js';

export interface JobEventData {
  JobRequested: JobRequested;
  PromptEnhanced: PromptEnhanced;
  JobStarted: JobStarted;
  AssetStored: AssetStored;
  JobCompleted: JobCompleted;
  JobFailed: JobFailed;
  JobCancelled: JobCancelled;
}

export interface AssetEventData {
  AssetDeleted: AssetDeleted;
  AssetFavorited: AssetFavorited;
}

export interface AccountEventData {
  CreditsGranted: CreditsGranted;
  CreditsReserved: CreditsReserved;
  CreditsCharged: CreditsCharged;
  CreditsReleased: CreditsReleased;
}

export interface ProjectEventData {
  ProjectCreated: ProjectCreated;
  ProjectChanged: ProjectChanged;
  ProjectDeleted: ProjectDeleted;
}

export interface AuditEventData {
  RequestRefused: RequestRefused;
}

export interface WebhookEventData {
  WebhookRegistered: WebhookRegistered;
  WebhookRemoved: WebhookRemoved;
}

export type EventData = WebhookEventData &
  ProjectEventData &
  AuditEventData &
  JobEventData &
  AssetEventData &
  AccountEventData;
export type EventType = keyof EventData;

/** CloudEvents `type` of each event. The version is in the type: within a version fields are only added. */
export const CLOUD_EVENT_TYPES: Readonly<Record<EventType, string>> = {
  JobRequested: 'com.ourvidz.job.requested.v1',
  PromptEnhanced: 'com.ourvidz.job.enhanced.v1',
  JobStarted: 'com.ourvidz.job.started.v1',
  AssetStored: 'com.ourvidz.job.asset-stored.v1',
  JobCompleted: 'com.ourvidz.job.completed.v1',
  JobFailed: 'com.ourvidz.job.failed.v2',
  JobCancelled: 'com.ourvidz.job.cancelled.v1',
  AssetDeleted: 'com.ourvidz.asset.deleted.v1',
  AssetFavorited: 'com.ourvidz.asset.favorited.v1',
  CreditsGranted: 'com.ourvidz.account.credits-granted.v1',
  CreditsReserved: 'com.ourvidz.account.credits-reserved.v1',
  CreditsCharged: 'com.ourvidz.account.credits-charged.v1',
  CreditsReleased: 'com.ourvidz.account.credits-released.v1',
  ProjectCreated: 'com.ourvidz.project.created.v1',
  ProjectChanged: 'com.ourvidz.project.changed.v1',
  ProjectDeleted: 'com.ourvidz.project.deleted.v1',
  RequestRefused: 'com.ourvidz.audit.request-refused.v1',
  WebhookRegistered: 'com.ourvidz.webhook.registered.v1',
  WebhookRemoved: 'com.ourvidz.webhook.removed.v1',
};

const BY_CLOUD_TYPE = new Map(Object.entries(CLOUD_EVENT_TYPES).map(([name, type]) => [type, name as EventType]));

/** The event of a CloudEvents `type`, or undefined for one that this version does not know. */
export function eventTypeOf(cloudEventType: string): EventType | undefined {
  return BY_CLOUD_TYPE.get(cloudEventType);
}

/** The token of each job event in its subject. */
export const JOB_EVENT_TOKENS: Readonly<Record<keyof JobEventData, JobEventToken>> = {
  JobRequested: 'requested',
  PromptEnhanced: 'enhanced',
  JobStarted: 'started',
  AssetStored: 'asset',
  JobCompleted: 'completed',
  JobFailed: 'failed',
  JobCancelled: 'cancelled',
};

/** The token of each event about an asset in its subject. */
const ASSET_EVENT_TOKENS: Readonly<Record<keyof AssetEventData, AssetEventToken>> = {
  AssetDeleted: 'deleted',
  AssetFavorited: 'favorited',
};

/** The events one of which ends a job. */
export const JOB_END_TYPES = ['JobCompleted', 'JobFailed', 'JobCancelled'] as const satisfies readonly EventType[];

/** The types of everything that makes up the history of a job. */
export const JOB_HISTORY_TYPES = [
  ...(Object.keys(JOB_EVENT_TOKENS) as (keyof JobEventData)[]),
  ...(Object.keys(ASSET_EVENT_TOKENS) as (keyof AssetEventData)[]),
] as const;

/** An event that somebody decided on; it gets its id and time when it is appended. */
export type Proposed<T extends EventType = EventType> = {
  [K in T]: { readonly type: K; readonly data: EventData[K] };
}[T];

/** An event as the stream keeps it. `time` is ISO 8601, `sequence` the stream's. */
export type Recorded<T extends EventType = EventType> = {
  [K in T]: {
    readonly type: K;
    readonly id: string;
    readonly time: string;
    readonly sequence: number;
    readonly data: EventData[K];
  };
}[T];

/** Everything that makes up the history of one job and its assets. */
export type JobHistoryEvent = Recorded<keyof JobEventData | keyof AssetEventData>;
