import { Controller, type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, type MicroserviceOptions } from '@nestjs/microservices';
import { of } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Commands } from '#contracts/commands.js';
import type { Queries } from '#contracts/queries.js';
import { querySubject } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import { ask, command, QueryRefusedError, QueryUnavailableError, RequestServer } from '#eventing/request-reply.js';
import { aLog, anInstallation, type Installation } from './a-bus.js';

@Controller()
class Answers {
  @MessagePattern('jobs.open')
  open({ accountKey }: Queries['jobs.open']['request']) {
    if (accountKey === 'later') return of({ waiting: 7, processing: 0 });
    if (accountKey === 'down') throw new QueryUnavailableError('the database is away');
    if (accountKey === 'broken') throw new Error('a secret of the database');
    return { waiting: accountKey.length, processing: 1 };
  }

  @MessagePattern('jobs.list')
  async list({ cursor }: Queries['jobs.list']['request']) {
    if (cursor === 'huge') return { jobs: ['x'.repeat(2_000_000)], nextCursor: null };
    throw new QueryRefusedError('invalid_cursor', 'the cursor is not one of ours');
  }
}

@Controller()
class Commanded {
  @MessagePattern('worker.claim')
  claim({ waitMs }: Commands['worker.claim']['request']) {
    return { job: null, leaseMs: waitMs };
  }
}

@Module({ controllers: [Answers, Commanded] })
class AnswersModule {}

const { log, lines } = aLog();
let installation: Installation;
let service: INestMicroservice;
let gateway: Bus;

beforeAll(async () => {
  installation = await anInstallation();
  gateway = await installation.connect('gateway');
  const strategy = new RequestServer(await installation.connect('jobs', { log }));
  const options: MicroserviceOptions = { strategy };
  service = await NestFactory.createMicroservice<MicroserviceOptions>(AnswersModule, { ...options, logger: false });
  await service.listen();
});
afterAll(async () => {
  await service?.close();
  await installation?.close();
});

const page = { accountKey: 'a', limit: 10 };

it('a command › is carried out by the handler of its name', async () => {
  const claim = { queues: ['sdxl_queue' as const], worker: 'w', waitMs: 7, publicUrl: '' };
  expect(await command(gateway, 'worker.claim', claim)).toEqual({ job: null, leaseMs: 7 });
});

describe('a query', () => {
  it('is answered by the handler of its name', async () => {
    expect(await ask(gateway, 'jobs.open', { accountKey: 'abc' })).toEqual({ waiting: 3, processing: 1 });
    expect(await ask(gateway, 'jobs.open', { accountKey: 'later' })).toEqual({ waiting: 7, processing: 0 });
  });

  it('that is wrong › is refused with the reason', async () => {
    const asked = ask(gateway, 'jobs.list', page);
    await expect(asked).rejects.toBeInstanceOf(QueryRefusedError);
    await expect(asked).rejects.toMatchObject({ code: 'invalid_cursor', message: 'the cursor is not one of ours' });
  });

  it('while the database is away › is unavailable', async () => {
    const asked = ask(gateway, 'jobs.open', { accountKey: 'down' });
    await expect(asked).rejects.toBeInstanceOf(QueryUnavailableError);
    await expect(asked).rejects.toThrow('the database is away');
  });

  it('whose handler fails › is refused without the reason, which is logged', async () => {
    const asked = ask(gateway, 'jobs.open', { accountKey: 'broken' });
    await expect(asked).rejects.toMatchObject({ code: 'internal', message: 'the query failed' });
    expect(lines.at(-1)?.msg).toBe('a query failed');
  });

  it('whose answer is too large › is refused at once', async () => {
    const asked = ask(gateway, 'jobs.list', { ...page, cursor: 'huge' });
    await expect(asked).rejects.toMatchObject({ code: 'internal' });
  });

  it('that is not JSON › is refused', async () => {
    const message = await gateway.nc.request(querySubject('jobs.open'), 'nonsense');
    expect(message.json()).toMatchObject({ ok: false, error: 'internal' });
  });

  it('that nobody answers › is unavailable at once', async () => {
    const before = Date.now();
    await expect(ask(gateway, 'jobs.get', { jobId: 'x' })).rejects.toBeInstanceOf(QueryUnavailableError);
    expect(Date.now() - before).toBeLessThan(500);
  });

  it('when NATS is restarted › is answered again', async () => {
    await installation.nats.server.kill();
    await expect(ask(gateway, 'jobs.open', { accountKey: 'a' }, 500)).rejects.toBeInstanceOf(QueryUnavailableError);
    await installation.nats.server.restart();
    await Promise.all([gateway.whenConnected(5_000), installation.bus.whenConnected(5_000)]);
    await expect
      .poll(() => ask(gateway, 'jobs.open', { accountKey: 'a' }).catch((error: Error) => error.name))
      .toEqual({ waiting: 1, processing: 1 });
  });
});
