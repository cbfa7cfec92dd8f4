import { DataSource } from 'typeorm';
import { EventLog1764000000000 } from '../migrations/1764000000000-event-log.js';
import { Projections1764000000001 } from '../migrations/1764000000001-projections.js';
import { Settlement1764000000002 } from '../migrations/1764000000002-settlement.js';
import { Webhooks1764000000003 } from '../migrations/1764000000003-webhooks.js';

/** TypeORM runs the migrations and nothing else. */
export function migrationSource(url: string): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    applicationName: 'ourvidz-jobs-migrations',
    connectTimeoutMS: 3_000,
    migrations: [EventLog1764000000000, Projections1764000000001, Settlement1764000000002, Webhooks1764000000003],
    migrationsTransactionMode: 'each',
    logging: false,
  });
}
