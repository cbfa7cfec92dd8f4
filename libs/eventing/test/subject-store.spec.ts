import { headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AccountRefusal, foldAccount, grantCredits, reserveCredits } from '#contracts/domain/account.js';
import type { AccountState } from '#contracts/events/account-events.js';
import type { AccountEventData, Recorded } from '#contracts/events/registry.js';
import { accountKeyOf, newJobId } from '#contracts/ids.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { accountSubject } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import { EventingUnavailableError } from '#eventing/errors.js';
import { LogReader } from '#eventing/log-reader.js';
import { type SubjectReading, SubjectStore } from '#eventing/subject-store.js';
import { anInstallation, type Installation } from './a-bus.js';
import { aProxy } from './a-proxy.js';

type Type = keyof AccountEventData;
type Last = Recorded<Type> | undefined;

let installation: Installation;
let bus: Bus;
let store: SubjectStore<Type>;
let users = 0;

beforeAll(async () => {
  installation = await anInstallation();
  bus = installation.bus;
  store = storeOf(bus);
});
afterAll(() => installation?.close());

describe('a subject without events', () => {
  it('reads as nothing, and takes one first event of many', async () => {
    const place = aPlace();
    expect(await store.read(place.subject)).toEqual({ event: undefined, sequence: 0 });
    const openOnce = (last: Last) => (last ? refuse('already_open') : grant(10)(last));
    const results = await Promise.all(Array.from({ length: 20 }, () => store.execute(place, openOnce)));
    expect(results.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1);
    expect(await ledgerOf(place)).toHaveLength(1);
  });
});

describe('a subject with events', () => {
  it('is its last event, which is what the append answered', async () => {
    const place = aPlace();
    await store.execute(place, grant(10));
    const { event } = await appended(store.execute(place, reserve(4), { traceparent: 'trace' }));
    expect(await store.read(place.subject)).toEqual({ event, sequence: event.sequence });
    expect(await store.at(event.sequence)).toEqual(event);
    expect(event).toMatchObject({ type: 'CreditsReserved', data: { balance: 6 } });
  });

  it('refuses on what the stream holds, however old what the caller knows', async () => {
    const place = aPlace();
    const { event } = await appended(store.execute(place, grant(1)));
    const poor = { event, sequence: event.sequence };
    await store.execute(place, grant(9));
    const result = await store.execute(place, reserve(5), { known: poor });
    expect(result).toMatchObject({ outcome: 'appended', event: { data: { balance: 5 } } });
    const refused = await store.execute(place, reserve(6), { known: poor });
    expect(refused).toMatchObject({
      outcome: 'refused',
      reason: 'insufficient_credits',
      reading: { event: { data: { balance: 5 } } },
    });
  });

  it('is not changed by what the caller knows from another stream', async () => {
    const place = aPlace();
    await store.execute(place, grant(3));
    const known = { event: undefined, sequence: 1_000_000 };
    const result = await store.execute(place, grant(4), { known });
    expect(result).toMatchObject({ outcome: 'appended', event: { data: { balance: 7 } } });
  });

  it('of which the last is of a newer version › is left alone', async () => {
    const place = aPlace();
    await store.execute(place, grant(10));
    const newer = headers();
    newer.set('ce-type', 'com.ourvidz.account.frozen.v1');
    await bus.nc.request(place.subject, '{}', { headers: newer, timeout: 2_000 });
    await expect(store.execute(place, grant(1))).rejects.toThrow('newer version');
    await expect(store.read(place.subject)).rejects.toBeInstanceOf(EventingUnavailableError);
  });
});

describe('many writers at once', () => {
  it('through three connections › each change counts once, in one order', async () => {
    const place = aPlace();
    await store.execute(place, grant(60));
    const stores = [store, storeOf(await installation.connect()), storeOf(await installation.connect())];
    const results = await Promise.all(
      stores.flatMap((each) => Array.from({ length: 30 }, () => each.execute(place, reserve(1)))),
    );
    expect(results.filter(({ outcome }) => outcome === 'appended')).toHaveLength(60);
    expect(await balancesOf(place)).toEqual(Array.from({ length: 61 }, (_, n) => 60 - n));
  });

  it('who all know an old state › each change counts once', async () => {
    const place = aPlace();
    const { event } = await appended(store.execute(place, grant(100)));
    const known: SubjectReading<Type> = { event, sequence: event.sequence };
    await Promise.all(Array.from({ length: 40 }, () => store.execute(place, reserve(2), { known })));
    const { event: last } = await store.read(place.subject);
    expect(last?.data.balance).toBe(20);
    expect(Object.keys(last?.data.reservations ?? {})).toHaveLength(40);
  });
});

describe('when the outcome of an append is unknown', () => {
  it('because the answer was lost › the own event is recognised', async () => {
    const place = aPlace();
    await store.execute(place, grant(10));
    const { proxy, remote } = await behindAProxy();
    const known = await remote.read(place.subject);
    proxy.deafenAfter(place.subject);
    const changing = remote.execute(place, reserve(1), { known });
    await vi.waitFor(async () => expect(await ledgerOf(place)).toHaveLength(2));
    proxy.cut();
    expect((await appended(changing)).event.data.balance).toBe(9);
    expect(await ledgerOf(place)).toHaveLength(2);
    proxy.close();
  });

  it('and others went on meanwhile › the own event is recognised behind theirs', async () => {
    const place = aPlace();
    await store.execute(place, grant(10));
    const { proxy, remote } = await behindAProxy();
    const known = await remote.read(place.subject);
    proxy.deafenAfter(place.subject);
    const changing = remote.execute(place, reserve(1), { known });
    await vi.waitFor(async () => expect(await ledgerOf(place)).toHaveLength(2));
    const [mine] = (await ledgerOf(place)).slice(-1);
    await store.execute(place, reserve(2));
    await store.execute(place, reserve(3));
    proxy.cut();
    expect((await appended(changing)).event.id).toBe(mine?.id);
    expect(await balancesOf(place)).toEqual([10, 9, 7, 4]);
    proxy.close();
  });
});

describe('without a server', () => {
  it('on a closed connection › is unavailable at once', async () => {
    const closed = await installation.connect();
    await closed.close();
    await expect(storeOf(closed).read(aPlace().subject)).rejects.toBeInstanceOf(EventingUnavailableError);
    await expect(storeOf(closed).execute(aPlace(), grant(1))).rejects.toBeInstanceOf(EventingUnavailableError);
  });

  it('that is restarted › waits for it and goes on', async () => {
    const own = await anInstallation();
    const place = aPlace();
    const restarted = storeOf(own.bus);
    await restarted.execute(place, grant(10));
    await own.nats.server.kill();
    const changing = restarted.execute(place, reserve(1));
    await own.nats.server.restart();
    expect((await appended(changing)).event.data.balance).toBe(9);
    await own.close();
  });
});

function storeOf(connection: Bus): SubjectStore<Type> {
  return new SubjectStore(connection, ACCOUNT_STREAM);
}

function aPlace() {
  users += 1;
  const key = accountKeyOf(`user ${users}`);
  return { subject: accountSubject(key), subjectId: key };
}

function grant(amount: number) {
  return (last: Last) => grantCredits(accountOf(last), { amount, reason: 'test', grantedBy: 'bob' });
}

function accountOf(last: Last) {
  return foldAccount('account', last ? [last] : []);
}

/** Each time another job, but always the same for one caller. */
function reserve(amount: number) {
  const jobId = newJobId();
  return (last: Last) => reserveCredits(accountOf(last), jobId, amount);
}

function refuse(reason: AccountRefusal) {
  return { decided: 'refuse', reason } as const;
}

async function appended(executing: ReturnType<typeof store.execute>) {
  const result = await executing;
  if (result.outcome !== 'appended') throw new Error(`refused: ${result.reason}`);
  return result;
}

async function behindAProxy() {
  const proxy = await aProxy(installation.nats.server.port);
  return { proxy, remote: storeOf(await installation.connect('jobs', { url: proxy.url })) };
}

/** All events of a subject, in the order of the stream. */
async function ledgerOf({ subject }: { subject: string }) {
  const messages = await new LogReader(bus, ACCOUNT_STREAM.name).read(1, 10_000);
  return messages.filter((message) => message.subject === subject);
}

/** The balance after each event of a subject. */
async function balancesOf(place: { subject: string }): Promise<number[]> {
  return (await ledgerOf(place)).map(({ data }) => (data as AccountState).balance);
}
