import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebhookDeliveriesPage, WebhookJobMessage, WebhookWithSecret } from '#contracts/http/webhooks.js';
import { pollUntil } from '#launcher/poll.js';
import { Platform } from '../support/platform.js';
import { Receiver, verified } from '../support/webhook-receiver.js';

let platform: Platform;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await Receiver.start();
  const environment = {
    WEBHOOK_SECRET: randomBytes(32).toString('hex'),
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOW_PRIVATE: 'true',
  };
  platform = await Platform.start({ environment });
});
afterAll(async () => {
  await platform?.close();
  await receiver?.close();
});

describe('a registered webhook', () => {
  it('is told, signed, when a job has been made, also after the jobs service was killed', async () => {
    const registration = await platform.fetch('/api/webhooks', { body: { url: receiver.url } });
    expect(registration.status).toBe(201);
    const { id, secret } = (await registration.json()) as WebhookWithSecret;
    receiver.respond = () => undefined;
    const body = { jobType: 'sdxl_image_fast', metadata: { prompt: 'a garden', count: 1, order: 7 } };
    const { job } = (await (await platform.fetch('/api/queue-job', { body })).json()) as { job: { id: string } };
    await receiver.until(1);
    for (const service of platform.running) if (service.name === 'jobs') await service.end('SIGKILL');
    receiver.answer(200);
    await platform.startService('jobs');
    const [first, second] = await receiver.until(2);
    if (!first || !second) throw new Error('nothing was received');
    expect(second.id).toBe(first.id);
    expect(verified<WebhookJobMessage>(secret, second)).toMatchObject({
      type: 'job.completed',
      data: { id: job.id, status: 'completed', metadata: { order: 7 }, assets: [{ index: 0 }] },
    });
    const { deliveries } = await pollUntil('the delivery to be recorded', 10_000, async () => {
      const page = (await (await platform.fetch(`/api/webhooks/${id}/deliveries`)).json()) as WebhookDeliveriesPage;
      return page.deliveries[0]?.status === 'delivered' ? page : undefined;
    });
    expect(deliveries).toMatchObject([{ id: first.id, event: 'job.completed', job_id: job.id }]);
    const test = await platform.fetch(`/api/webhooks/${id}/test`, { method: 'POST' });
    expect(test.status).toBe(202);
    const [, , third] = await receiver.until(3);
    expect(third?.id).toBe(((await test.json()) as { id: string }).id);
    expect((await platform.fetch(`/api/webhooks/${id}`, { method: 'DELETE' })).status).toBe(204);
  });
});
