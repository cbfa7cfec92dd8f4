import { DataSource } from 'typeorm';
import { MIGRATIONS } from './migrations.js';

/** TypeORM runs the migrations and nothing else. */
export function migrationSource(url: string): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    applicationName: 'ourvidz-jobs-migrations',
    connectTimeoutMS: 3_000,
    migrations: [...MIGRATIONS],
    migrationsTransactionMode: 'each',
    logging: false,
  });
}
