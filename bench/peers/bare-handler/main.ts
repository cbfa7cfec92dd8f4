/**
 * The least that could answer `POST /api/queue-job`: verify the token, publish the same two events with the same headers
 * and guards, one after the other, answer. No validation, policy, queue limits, ids of requests or metrics. Two routes: one that verifies the
 * token each time, one that believes a token that it has seen.
 */
import { readFileSync } from 'node:fs';
import { connect, headers as createHeaders, nkeyAuthenticator } from '@nats-io/transport-node';
import Fastify, { type FastifyRequest } from 'fastify';
import { jwtVerify } from 'jose';
import { accountKeyOf, newEventId, newJobId } from '#contracts/ids.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { accountSubject, jobFilter, jobSubject } from '#contracts/subjects.js';
import { announce, setting } from '../reporter.js';

interface Body {
  readonly jobType: 'sdxl_image_fast';
  readonly metadata: { readonly prompt: string; readonly count: number; readonly seed: number };
}

const secret = new TextEncoder().encode(setting('AUTH_JWT_SECRET'));
const known = new Map<string, string>();
const nats = await connect({
  servers: setting('NATS_URL'),
  authenticator: nkeyAuthenticator(new TextEncoder().encode(readFileSync(setting('NATS_CREDS'), 'utf8').trim())),
  inboxPrefix: '_INBOX_gateway',
  noAsyncTraces: true,
});

async function userOf(token: string): Promise<string> {
  const { payload } = await jwtVerify(token, secret, { algorithms: ['HS256'] });
  return payload.sub ?? '';
}

async function rememberedUserOf(token: string): Promise<string> {
  const user = known.get(token) ?? (await userOf(token));
  known.set(token, user);
  return user;
}

function eventOf({ jobType, metadata }: Body, userId: string, jobId: string) {
  const { config, bucket, credits } = JOB_CATALOGUE[jobType];
  const { prompt, count, seed } = metadata;
  return {
    ...{ jobId, userId, accountKey: accountKeyOf(userId), jobType, lane: 'interactive', prompt: { text: prompt } },
    ...{ negativePrompt: { text: NEGATIVE_PROMPT }, config, bucket, credits, clientMetadata: {} },
    seeds: Array.from({ length: count }, (_, k) => seed + k),
  };
}

/** As long as the one that the gateway makes. */
const NEGATIVE_PROMPT = 'bad anatomy, deformed hands, blurry, low quality, worst quality, jpeg artifacts, watermark';

/** An account as this process left it: nobody else changes it. */
interface BareAccount {
  readonly key: string;
  sequence: number;
  balance: number;
  readonly reservations: Record<string, number>;
  /** The end of what is under way: changes of one account take turns. */
  last: Promise<unknown>;
}

interface Place {
  readonly subject: string;
  readonly filter: string;
  readonly sequence: number;
  readonly type: string;
  readonly about: string;
}

const accounts = new Map<string, BareAccount>();

/** Under keys of its own: the gateway's accounts go on from other events. */
function accountOf(user: string): BareAccount {
  const fresh = { sequence: 0, balance: 1_000_000, reservations: {}, last: Promise.resolve() };
  const account = accounts.get(user) ?? { key: accountKeyOf(`bare ${user}`), ...fresh };
  accounts.set(user, account);
  return account;
}

function reserve(account: BareAccount, jobId: string): Promise<void> {
  const turn = async () => {
    account.balance -= 1;
    account.reservations[jobId] = 1;
    const { key: accountKey, balance, reservations, sequence } = account;
    const subject = accountSubject(accountKey);
    const place = { subject, filter: subject, sequence, type: 'account.credits-reserved', about: accountKey };
    account.sequence = await store(place, { accountKey, balance, reservations, jobId, amount: 1 });
  };
  const done = account.last.then(turn);
  account.last = done;
  return done;
}

function headersOf({ filter, sequence, type, about }: Place) {
  const headers = createHeaders();
  const id = newEventId();
  headers.set('Nats-Msg-Id', id);
  headers.set('ce-specversion', '1.0');
  headers.set('ce-id', id);
  headers.set('ce-type', `com.ourvidz.${type}.v1`);
  headers.set('ce-source', '/ourvidz/gateway');
  headers.set('ce-subject', about);
  headers.set('ce-time', new Date().toISOString());
  headers.set('content-type', 'application/json');
  headers.set('traceparent', `00-${id.replaceAll('-', '')}-${id.slice(-12)}0000-01`);
  headers.set('Nats-Expected-Last-Subject-Sequence', String(sequence));
  headers.set('Nats-Expected-Last-Subject-Sequence-Subject', filter);
  return headers;
}

/** The sequence of the stored event. */
async function store(place: Place, event: object): Promise<number> {
  const answer = await nats.request(place.subject, JSON.stringify(event), {
    headers: headersOf(place),
    timeout: 5_000,
  });
  const stored = answer.json<{ seq?: number; error?: unknown }>();
  if (stored.error) throw new Error(`refused: ${JSON.stringify(stored.error)}`);
  return stored.seq ?? 0;
}

async function queueJob(request: FastifyRequest, identify: (token: string) => Promise<string>) {
  const user = await identify(request.headers.authorization?.slice('Bearer '.length) ?? '');
  const jobId = newJobId();
  const event = eventOf(request.body as Body, user, jobId);
  const subject = jobSubject('sdxl', 'interactive', 'requested', jobId);
  await reserve(accountOf(user), jobId);
  await store({ subject, filter: jobFilter(jobId), sequence: 0, type: 'job.requested', about: jobId }, event);
  return { success: true, job: { ...event, status: 'queued' } };
}

const server = Fastify();
server.post('/api/queue-job', (request) => queueJob(request, userOf));
server.post('/remembering/api/queue-job', (request) => queueJob(request, rememberedUserOf));
await server.listen({ host: '127.0.0.1', port: Number(setting('PORT')) });
announce();
