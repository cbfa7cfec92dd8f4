import { EventLog1764000000000 } from '../migrations/1764000000000-event-log.js';
import { Projections1764000000001 } from '../migrations/1764000000001-projections.js';
import { Settlement1764000000002 } from '../migrations/1764000000002-settlement.js';
import { Webhooks1764000000003 } from '../migrations/1764000000003-webhooks.js';
import { LogMonths1764000000005 } from '../migrations/1764000000005-log-months.js';
import { Builds1764000000006 } from '../migrations/1764000000006-builds.js';
import { InlinedHash1764000000008 } from '../migrations/1764000000008-inlined-hash.js';

/** Every migration, oldest first. Its class's name is what the database remembers. */
export const MIGRATIONS = [
  EventLog1764000000000,
  Projections1764000000001,
  Settlement1764000000002,
  Webhooks1764000000003,
  LogMonths1764000000005,
  Builds1764000000006,
  InlinedHash1764000000008,
] as const;
