import { readFile } from 'node:fs/promises';
import { fromSeed } from '@nats-io/nkeys';
import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inboxPrefix, RIGHTS, type ServiceName } from '#contracts/rights.js';
import { jobSubject } from '#contracts/subjects.js';
import { type ScratchFolder, scratchFolder } from '../../test/support/scratch-folder.js';
import { type OwnTestNats, testNats } from '../../test/support/servers.js';
import { natsAuthorization } from './nats-authorization.js';
import { natsUsers, SecretFolder } from './secrets.js';

describe('natsAuthorization', () => {
  it('when a service may answer requests › says so for it and for no other', () => {
    const rights = {
      asks: { publish: ['question'], subscribe: ['_INBOX.>'], allowResponses: false },
      answers: { publish: [], subscribe: ['question'], allowResponses: true },
    };
    const text = natsAuthorization(rights, { asks: 'UASKS', answers: 'UANSWERS' });
    const { users, default_permissions } = JSON.parse(text.replace('authorization ', ''));
    expect(default_permissions).toEqual({ publish: { deny: ['>'] }, subscribe: { deny: ['>'] } });
    expect(users).toEqual([
      { nkey: 'UASKS', permissions: { publish: { allow: ['question'] }, subscribe: { allow: ['_INBOX.>'] } } },
      {
        nkey: 'UANSWERS',
        permissions: {
          publish: { allow: [] },
          subscribe: { allow: ['question'] },
          allow_responses: { max: 1, expires: '30s' },
        },
      },
    ]);
  });
});

describe('a server with that block', () => {
  let folder: ScratchFolder;
  let nats: OwnTestNats;
  let seeds: Map<string, Uint8Array>;

  beforeAll(async () => {
    folder = await scratchFolder();
    const users = Object.entries(await natsUsers(new SecretFolder(folder.path)));
    const keys = Object.fromEntries(users.map(([name, user]) => [name, user.publicKey]));
    nats = await testNats({ authorization: natsAuthorization(RIGHTS, keys as Record<ServiceName, string>) });
    const entries = users.map(async ([name, { seedFile }]) => [name, await readSeed(seedFile)] as const);
    seeds = new Map(await Promise.all(entries));
  });

  afterAll(async () => {
    await nats.close();
    await folder.remove();
  });

  const connectAs = (service: ServiceName) =>
    connect({
      servers: nats.url,
      inboxPrefix: inboxPrefix(service),
      authenticator: nkeyAuthenticator(seeds.get(service)),
    });

  it('lets every service in by its key, and nobody without one', async () => {
    for (const service of Object.keys(RIGHTS) as ServiceName[]) await (await connectAs(service)).close();
    await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow(/authorization/i);
  });

  it('when the gateway claims that a job was completed › refuses', async () => {
    const gateway = await connectAs('gateway');
    const refusal = firstError(gateway.status());
    gateway.publish(jobSubject('sdxl', 'interactive', 'completed', 'a-job'));
    expect(await refusal).toMatch(/Permissions Violation for Publish to "ourvidz\.job\.sdxl/i);
    await gateway.close();
  });

  it('when a worker listens to the inbox of another service › refuses', async () => {
    const worker = await connectAs('sdxl-worker');
    const refusal = firstError(worker.status());
    worker.subscribe(`${inboxPrefix('jobs')}.>`, { callback: () => undefined });
    expect(await refusal).toMatch(/Permissions Violation for Subscription/i);
    await worker.close();
  });
});

async function readSeed(file: string): Promise<Uint8Array> {
  const seed = new TextEncoder().encode((await readFile(file, 'utf8')).trim());
  expect(fromSeed(seed).getPublicKey()).toMatch(/^U/);
  return seed;
}

async function firstError(statuses: AsyncIterable<{ type: string; error?: Error }>): Promise<string | undefined> {
  for await (const { type, error } of statuses) if (type === 'error') return error?.message;
  return undefined;
}
