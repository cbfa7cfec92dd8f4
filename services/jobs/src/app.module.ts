import { type DynamicModule, Module } from '@nestjs/common';
import { Bus } from '#eventing/bus.js';
import { Database } from './database/database.js';
import { Callbacks } from './outside-workers/callbacks.js';
import { Claims } from './outside-workers/claims.js';
import { OutsideWorkersController } from './outside-workers/outside-workers.controller.js';
import { QueriesController } from './queries/queries.controller.js';
import { ReceiptIssuer } from './receipts/receipt-issuer.js';
import { ReceiptsController } from './receipts/receipts.controller.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';

/** The part of the process that Nest routes: queries and commands. */
@Module({ controllers: [QueriesController, OutsideWorkersController, WebhooksController, ReceiptsController] })
class AppModule {}

/** What answers are made of. */
export interface AppParts {
  readonly bus: Bus;
  readonly database: Database;
  readonly claims: Claims;
  readonly callbacks: Callbacks;
  readonly receipts: ReceiptIssuer;
}

/** The module with what the process made. */
export function appModule({ bus, database, claims, callbacks, receipts }: AppParts): DynamicModule {
  const providers = [
    { provide: Bus, useValue: bus },
    { provide: Database, useValue: database },
    { provide: Claims, useValue: claims },
    { provide: Callbacks, useValue: callbacks },
    { provide: ReceiptIssuer, useValue: receipts },
  ];
  return { module: AppModule, providers };
}
