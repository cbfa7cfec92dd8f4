import { Controller, Get } from '@nestjs/common';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import type { LiveAnswer, ReadyAnswer } from '#contracts/http/health.js';
import { Bus } from '#eventing/bus.js';
import { ApiError } from '../http/api-error.js';
import { QueueGauge } from '../queue/queue-gauge.js';

/** How long a gateway that could not store is not ready. */
const NO_ROOM_FOR_MS = 30_000;

@Controller('health')
export class HealthController {
  constructor(
    private readonly bus: Bus,
    private readonly files: FileAssetStore,
    private readonly gauge: QueueGauge,
  ) {}

  /** The process runs: restarting it would help nobody. */
  @Get('live')
  live(): LiveAnswer {
    return { status: 'live' };
  }

  /** Requests sent here can be served. */
  @Get('ready')
  async ready(): Promise<ReadyAnswer> {
    if (!this.bus.isConnected()) throw new ApiError('queue_unavailable', { details: 'NATS is not connected' });
    // A full disk ends appends at once; full streams are told by their usage. After a while somebody has to try again.
    if (this.bus.lacksRoom(NO_ROOM_FOR_MS) || this.gauge.isStreamFull) {
      throw new ApiError('queue_unavailable', { details: 'NATS has no room for new events' });
    }
    const problem = await this.files.usable();
    if (problem !== undefined) throw new ApiError('storage_unavailable', { details: 'the asset store is not usable' });
    return { status: 'ready', nats: 'connected', asset_store: 'usable' };
  }
}
