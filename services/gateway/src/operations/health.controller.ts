import { Controller, Get } from '@nestjs/common';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { Bus } from '#eventing/bus.js';
import { ApiError } from '../http/api-error.js';

@Controller('health')
export class HealthController {
  constructor(
    private readonly bus: Bus,
    private readonly files: FileAssetStore,
  ) {}

  /** The process runs: restarting it would help nobody. */
  @Get('live')
  live() {
    return { status: 'live' };
  }

  /** Requests sent here can be served. */
  @Get('ready')
  async ready() {
    if (!this.bus.isConnected()) throw new ApiError('queue_unavailable', { details: 'NATS is not connected' });
    const problem = await this.files.usable();
    if (problem !== undefined) throw new ApiError('storage_unavailable', { details: 'the asset store is not usable' });
    return { status: 'ready', nats: 'connected', asset_store: 'usable' };
  }
}
