/** The class of every event: what it is validated with and what its JSON Schema is made of. */
import { CreditsCharged, CreditsGranted, CreditsReleased, CreditsReserved } from './account-events.js';
import { RequestRefused } from './audit-events.js';
import {
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
import { ProjectChanged, ProjectCreated, ProjectDeleted } from './project-events.js';
import type { EventData } from './registry.js';
import { WebhookRegistered, WebhookRemoved } from './webhook-events.js';

export const EVENT_CLASSES: { readonly [K in keyof EventData]: new () => EventData[K] } = {
  JobRequested,
  PromptEnhanced,
  JobStarted,
  AssetStored,
  JobCompleted,
  JobFailed,
  JobCancelled,
  AssetDeleted,
  AssetFavorited,
  CreditsGranted,
  CreditsReserved,
  CreditsCharged,
  CreditsReleased,
  ProjectCreated,
  ProjectChanged,
  ProjectDeleted,
  RequestRefused,
  WebhookRegistered,
  WebhookRemoved,
};
