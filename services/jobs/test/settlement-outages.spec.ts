import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { JobStore } from '#eventing/job-store.js';
import { anInstallation, freeze, type Installation } from '../../../libs/eventing/test/a-bus.js';
import { testPostgres } from '../../../test/support/servers.js';
import { Database } from '../src/database/database.js';
import { JobsMetrics } from '../src/metrics.js';
import { AccountSettler } from '../src/settlement/account-settler.js';
import { JobSettlement } from '../src/settlement/job-settlement.js';
import { type Fixture, openDatabase, silent, startLeader, writeLog } from './jobs-fixture.js';
import { SomeAccounts } from './some-accounts.js';
import { cancel } from './some-jobs.js';

const USERS = ['ann', 'ben', 'cleo'];
const JOBS_EACH = 5;

let installation: Installation;
let fixture: Fixture;
let accounts: SomeAccounts;

beforeAll(async () => {
  const postgres = await testPostgres();
  installation = await anInstallation();
  const { bus, nats } = installation;
  const database = await openDatabase(postgres.url);
  const close = async () => {
    await installation.close();
    await database.close();
    await postgres.close();
  };
  fixture = { natsUrl: nats.url, databaseUrl: postgres.url, bus, store: new JobStore(bus), database, close };
  accounts = new SomeAccounts(bus);
});
afterAll(() => fixture.close());
beforeEach(async () => {
  for (const user of USERS) await accounts.grant(user, JOBS_EACH);
});

/** Some jobs of several users, requested and cancelled. */
async function endJobs(): Promise<void> {
  for (const user of USERS) {
    for (let count = 0; count < JOBS_EACH; count++) {
      const request = await accounts.reservedRequest(user, { credits: 1 });
      await fixture.store.request(request);
      await cancel(fixture.store, request.jobId);
    }
  }
}

async function expectSettledOnce(): Promise<void> {
  for (const user of USERS) {
    const { balance } = await accounts.untilSettled(user);
    const events = await accounts.ledger(user);
    const count = (type: string) => events.filter((event) => event.type === type).length;
    expect(count('CreditsReleased')).toBe(count('CreditsReserved'));
    expect(balance).toBe(count('CreditsGranted') * JOBS_EACH);
  }
}

describe('when NATS stands still', () => {
  test('in the middle of a batch › the end of the term is not held up, and the next one settles each job once', async () => {
    await endJobs();
    await writeLog(fixture);
    const settler = new AccountSettler(installation.bus);
    const { database } = fixture;
    const settlement = new JobSettlement({ database, settler, metrics: new JobsMetrics(), log: silent });
    const term = new AbortController();
    await freeze(installation);
    const advancing = settlement.advance(term.signal);
    const endedAt = performance.now();
    term.abort(new Error('the term is over'));
    await expect(advancing).rejects.toThrow('the term is over');
    expect(performance.now() - endedAt).toBeLessThan(500);
    expect(await database.query('select position from settlement_checkpoint')).toEqual([{ position: 0 }]);
    installation.nats.server.resume();
    while (await settlement.advance(new AbortController().signal));
    await expectSettledOnce();
  });
});

describe('while a leader settles', () => {
  test('and NATS is restarted › each job is settled once', async () => {
    const leader = startLeader(fixture);
    await leader.leading;
    await endJobs();
    await installation.nats.server.restart();
    await expectSettledOnce();
    await leader.stop();
  });

  test('and every connection to Postgres is cut › each job is settled once', async () => {
    const leader = startLeader(fixture);
    await leader.leading;
    const ending = endJobs();
    const cut = new Database(fixture.databaseUrl, silent);
    await cut.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await cut.close();
    await ending;
    await expectSettledOnce();
    await leader.stop();
  });
});
