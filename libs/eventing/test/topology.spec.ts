import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CONSUMERS, JOB_STREAM, STREAMS, workConsumer } from '#contracts/streams.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { TopologyError } from '#eventing/errors.js';
import { awaitTopology, createTopology } from '#eventing/topology.js';
import { type OwnTestNats, testNats } from '../../../test/support/servers.js';
import { aLog } from './a-bus.js';
import { SIZE } from './a-job.js';

const { log, lines } = aLog();
const sdxl = [workConsumer('sdxl', 'interactive')];
let nats: OwnTestNats;
let bus: Bus;

beforeEach(async () => {
  nats = await testNats({});
  bus = await connectBus({ url: nats.url, service: 'jobs', log });
});
afterEach(async () => {
  await bus.close();
  await nats.close();
});

describe('streams and consumers', () => {
  it('created twice › are the same, and everybody finds them', async () => {
    await createTopology(bus, SIZE);
    await createTopology(bus, SIZE);
    await awaitTopology(bus, CONSUMERS);
    const { streams, consumers } = await bus.jsm.getAccountInfo();
    expect([streams, consumers]).toEqual([STREAMS.length, CONSUMERS.length]);
  });

  it('with another size › take it over', async () => {
    await createTopology(bus, SIZE);
    await createTopology(bus, { ...SIZE, jobStreamMaxBytes: 2 * SIZE.jobStreamMaxBytes });
    const { config } = await bus.jsm.streams.info(JOB_STREAM.name);
    expect(config.max_bytes).toBe(2 * SIZE.jobStreamMaxBytes);
  });

  it('that somebody changed › are refused with the name of the difference', async () => {
    await createTopology(bus, SIZE);
    await bus.jsm.consumers.update(JOB_STREAM.name, 'sdxl-interactive', { filter_subject: 'ourvidz.job.wan.>' });
    await expect(awaitTopology(bus, sdxl)).rejects.toThrow(
      /consumer sdxl-interactive differs .*filter_subject is "ourvidz.job.wan.>", not "ourvidz.job.sdxl.interactive/,
    );
    await bus.jsm.streams.update(JOB_STREAM.name, { republish: { src: 'ourvidz.job.>', dest: 'elsewhere.>' } });
    await expect(awaitTopology(bus, [])).rejects.toThrow(/stream OURVIDZ_JOBS differs .*republish/);
    await createTopology(bus, SIZE);
    await awaitTopology(bus, CONSUMERS);
  });

  it('that the server cannot take › are refused at once', async () => {
    const creating = createTopology(bus, { ...SIZE, replicas: 3 });
    await expect(creating).rejects.toBeInstanceOf(TopologyError);
    await expect(creating).rejects.toThrow(/stream OURVIDZ_JOBS/);
  });

  it('that are not there yet › are waited for', async () => {
    const waiting = awaitTopology(bus, sdxl);
    await vi.waitFor(() => expect(lines.some((line) => line.msg === 'waiting for stream OURVIDZ_JOBS')).toBe(true));
    await createTopology(bus, SIZE);
    await waiting;
    await bus.jsm.consumers.delete(JOB_STREAM.name, 'sdxl-interactive');
    const again = awaitTopology(bus, sdxl);
    await vi.waitFor(() => expect(lines.at(-1)?.msg).toBe('waiting for consumer sdxl-interactive'));
    await createTopology(bus, SIZE);
    await again;
  });

  it('that never come › are waited for until told to stop', async () => {
    const stop = new AbortController();
    const waiting = awaitTopology(bus, sdxl, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });

  it('while the server is restarted › are created all the same', async () => {
    const creating = createTopology(bus, SIZE);
    await nats.server.kill();
    await nats.server.restart();
    await creating;
    await awaitTopology(bus, CONSUMERS);
  });
});
