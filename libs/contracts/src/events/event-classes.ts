/** The class of every event: what it is validated with and what its JSON Schema is made of. */
import { CreditsCharged, CreditsGranted, CreditsReleased, CreditsReserved } from './account-events.js';
import {
  AssetDeleted,
  AssetStored,
  JobCancelled,
  JobCompleted,
  JobFailed,
  JobRequested,
  JobStarted,
  PromptEnhanced,
} from './job-events.js';
import type { EventData } from './registry.js';

export const EVENT_CLASSES: { readonly [K in keyof EventData]: new () => EventData[K] } = {
  JobRequested,
  PromptEnhanced,
  JobStarted,
  AssetStored,
  JobCompleted,
  JobFailed,
  JobCancelled,
  AssetDeleted,
  CreditsGranted,
  CreditsReserved,
  CreditsCharged,
  CreditsReleased,
};
