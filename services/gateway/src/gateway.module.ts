import { type DynamicModule, Module } from '@nestjs/common';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { resolveStore } from '#asset-store/resolve-store.js';
import { Bus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { WorkerRoster } from '#eventing/workers.js';
import { AccountLedger } from './accounts/account-ledger.js';
import { AdminCreditsController } from './accounts/admin-credits.controller.js';
import { CreditGrants } from './accounts/credit-grants.js';
import { CreditsController } from './accounts/credits.controller.js';
import { JobCredits } from './accounts/job-credits.js';
import { UsageController } from './accounts/usage.controller.js';
import { Addresses } from './addresses.js';
import { AssetDeletion } from './assets/asset-deletion.js';
import { AssetFavorites } from './assets/asset-favorites.js';
import { AssetFilesController } from './assets/asset-files.controller.js';
import { AssetsController } from './assets/assets.controller.js';
import { OwnAssets } from './assets/own-assets.js';
import { RecentlyDeleted } from './assets/recently-deleted.js';
import { CONFIGURATION, type Configuration } from './configuration.js';
import { ImagesAndVideosController } from './images-and-videos/images-and-videos.controller.js';
import { RecentJobs } from './images-and-videos/recent-jobs.js';
import { JobCancellation } from './jobs/job-cancellation.js';
import { JobEventsController } from './jobs/job-events.controller.js';
import { JobHistories } from './jobs/job-histories.js';
import { JobSubmission } from './jobs/job-submission.js';
import { JobViews } from './jobs/job-views.js';
import { JobsController } from './jobs/jobs.controller.js';
import { LatestPreviews } from './jobs/latest-previews.js';
import { LatestProgress } from './jobs/latest-progress.js';
import { LiveJobs } from './jobs/live-jobs.js';
import { OwnJobs } from './jobs/own-jobs.js';
import { QueueJobController } from './jobs/queue-job.controller.js';
import { HealthController } from './operations/health.controller.js';
import { MetricsController } from './operations/metrics.controller.js';
import { Metrics } from './operations/metrics.js';
import { OperatorController } from './operations/operator.controller.js';
import { OutsideWorkersController } from './outside-workers/outside-workers.controller.js';
import { UploadIntake } from './outside-workers/upload-intake.js';
import { UploadsController } from './outside-workers/uploads.controller.js';
import { WorkClaims } from './outside-workers/work-claims.js';
import { Audit } from './policy/audit.js';
import { PromptPolicy } from './policy/prompt-policy.js';
import { JobPrompts } from './projects/job-prompts.js';
import { ProjectsController } from './projects/projects.controller.js';
import { Projects } from './projects/projects.js';
import { JobDurations } from './queue/job-durations.js';
import { JobTypesController } from './queue/job-types.controller.js';
import { QueueAdmission } from './queue/queue-admission.js';
import { QueueGauge } from './queue/queue-gauge.js';
import { QueueStatusController } from './queue/queue-status.controller.js';
import { ReceiptsController } from './receipts/receipts.controller.js';
import { OwnWebhooks } from './webhooks/own-webhooks.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';

@Module({
  controllers: [
    QueueJobController,
    JobsController,
    JobEventsController,
    AssetsController,
    AssetFilesController,
    UploadsController,
    OutsideWorkersController,
    ProjectsController,
    ImagesAndVideosController,
    QueueStatusController,
    JobTypesController,
    CreditsController,
    AdminCreditsController,
    WebhooksController,
    ReceiptsController,
    UsageController,
    OperatorController,
    HealthController,
    MetricsController,
  ],
  providers: [
    OwnJobs,
    OwnWebhooks,
    JobViews,
    JobSubmission,
    AccountLedger,
    JobCredits,
    CreditGrants,
    QueueAdmission,
    JobCancellation,
    LatestPreviews,
    LiveJobs,
    AssetDeletion,
    RecentlyDeleted,
    WorkClaims,
    UploadIntake,
    OwnAssets,
    AssetFavorites,
    JobHistories,
    Projects,
    JobPrompts,
    RecentJobs,
    Audit,
    PromptPolicy,
    JobDurations,
  ],
})
class GatewayModule {}

/** The gateway's one module, around a connection to NATS. */
export function gatewayModule(bus: Bus, configuration: Configuration): DynamicModule {
  const roster = new WorkerRoster(bus);
  return {
    module: GatewayModule,
    providers: [
      { provide: Bus, useValue: bus },
      { provide: CONFIGURATION, useValue: configuration },
      { provide: JobStore, useValue: new JobStore(bus) },
      { provide: WorkerRoster, useValue: roster },
      { provide: QueueGauge, useValue: new QueueGauge(bus, roster) },
      { provide: LatestProgress, useValue: new LatestProgress(bus) },
      { provide: Addresses, useValue: new Addresses(configuration.assets) },
      { provide: FileAssetStore, useValue: resolveStore(configuration.assets.store) },
      {
        provide: Metrics,
        useFactory: (gauge: QueueGauge, liveJobs: LiveJobs) => new Metrics(gauge, liveJobs),
        inject: [QueueGauge, LiveJobs],
      },
    ],
  };
}
