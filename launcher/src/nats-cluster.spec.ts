import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { testNatsCluster } from '../../test/support/servers.js';

describe('startNatsCluster', () => {
  it('when the leader is killed › the others elect another, and it comes back with its streams', async () => {
    const { cluster, urls, close } = await testNatsCluster();
    const client = await connect({ servers: urls });
    const { streams } = await jetstreamManager(client);
    await streams.add({ name: 'REPLICATED', subjects: ['replicated'], num_replicas: 3 });
    const leader = await cluster.leader();
    await leader.kill();
    expect(await cluster.leader()).not.toBe(leader);
    await leader.restart();
    await cluster.leader();
    expect((await streams.info('REPLICATED')).config.num_replicas).toBe(3);
    await client.close();
    await close();
  });
});
