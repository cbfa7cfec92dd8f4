import { type DynamicModule, Module } from '@nestjs/common';
import { Bus } from '#eventing/bus.js';
import { Database } from './database/database.js';
import { Callbacks } from './outside-workers/callbacks.js';
import { Claims } from './outside-workers/claims.js';
import { OutsideWorkersController } from './outside-workers/outside-workers.controller.js';
import { QueriesController } from './queries/queries.controller.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';

/** The part of the process that Nest routes: queries and commands. */
@Module({ controllers: [QueriesController, OutsideWorkersController, WebhooksController] })
class AppModule {}

/** What answers are made of. */
export interface AppParts {
  readonly bus: Bus;
  readonly database: Database;
  readonly claims: Claims;
  readonly callbacks: Callbacks;
}

/** The module with what the process made. */
export function appModule({ bus, database, claims, callbacks }: AppParts): DynamicModule {
  const providers = [
    { provide: Bus, useValue: bus },
    { provide: Database, useValue: database },
    { provide: Claims, useValue: claims },
    { provide: Callbacks, useValue: callbacks },
  ];
  return { module: AppModule, providers };
}
