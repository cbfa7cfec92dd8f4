import { type DynamicModule, Module } from '@nestjs/common';
import { Database } from './database/database.js';
import { QueriesController } from './queries/queries.controller.js';

/** The part of the process that Nest routes: the queries. */
@Module({ controllers: [QueriesController] })
class AppModule {}

/** The module with what `main` made. */
export function appModule(database: Database): DynamicModule {
  return { module: AppModule, providers: [{ provide: Database, useValue: database }] };
}
