import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import type { CommandName, Commands } from '#contracts/commands.js';
import { Callbacks } from './callbacks.js';
import { Claims } from './claims.js';

type Request<N extends CommandName> = Commands[N]['request'];
type Answer<N extends CommandName> = Promise<Commands[N]['answer']>;

/** Does what the gateway tells for workers that do not speak NATS. */
@Controller()
export class OutsideWorkersController {
  constructor(
    private readonly claims: Claims,
    private readonly callbacks: Callbacks,
  ) {}

  @MessagePattern('worker.claim' satisfies CommandName)
  async claim(@Payload() claim: Request<'worker.claim'>): Answer<'worker.claim'> {
    return { job: (await this.claims.claim(claim)) ?? null, leaseMs: this.claims.leaseMs };
  }

  @MessagePattern('worker.asset' satisfies CommandName)
  storeAsset(@Payload() stored: Request<'worker.asset'>): Answer<'worker.asset'> {
    return this.callbacks.storeAsset(stored);
  }

  @MessagePattern('worker.callback' satisfies CommandName)
  hear(@Payload() word: Request<'worker.callback'>): Answer<'worker.callback'> {
    return this.callbacks.hear(word);
  }
}
