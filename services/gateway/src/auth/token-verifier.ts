/** Tells who a bearer token belongs to. */
import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import { accountKeyOf } from '#contracts/ids.js';
import { SUBJECT_MAX_CHARACTERS } from '#contracts/limits.js';
import { BoundedMap } from '../bounded-map.js';
import type { TokenSettings } from '../configuration.js';
import { ApiError } from '../http/api-error.js';

/** Who makes a request. */
export interface Caller {
  /** `sub` of the token. */
  readonly userId: string;
  readonly accountKey: string;
  readonly isOperator: boolean;
  /** Whether the token says that its user may ask for adult content: the claim `adult` is `true`. */
  readonly isAdult: boolean;
}

interface Known {
  readonly caller: Caller;
  /** Unix milliseconds after which the token is looked at again. */
  readonly until: number;
}

const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const OPERATOR_ROLES = ['admin', 'service_role'];
const CLOCK_TOLERANCE_SECONDS = 5;
/** A verified token is believed again for so long without a new check of its signature, but never beyond its expiry. */
const KNOWN_FOR_MS = 60_000;
const KNOWN_MAX = 10_000;
/** Longer tokens are checked every time: the memory of known ones stays small. */
const KNOWN_TOKEN_MAX_LENGTH = 2_048;
const JWKS_TIMEOUT_MS = 3_000;

export class TokenVerifier {
  private readonly known = new BoundedMap<string, Known>(KNOWN_MAX);
  private readonly secret: Uint8Array | undefined;
  private readonly keyServer: JWTVerifyGetKey | undefined;
  private readonly options: JWTVerifyOptions;

  constructor(settings: TokenSettings) {
    this.secret = settings.secret ? new TextEncoder().encode(settings.secret) : undefined;
    this.keyServer = settings.jwksUrl
      ? createRemoteJWKSet(new URL(settings.jwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS })
      : undefined;
    const { issuer, audience } = settings;
    this.options = { issuer, audience, clockTolerance: CLOCK_TOLERANCE_SECONDS };
  }

  /** The caller, when this very token was verified a moment ago. */
  remembered(token: string, now = Date.now()): Caller | undefined {
    const known = this.known.get(token);
    return known && known.until > now ? known.caller : undefined;
  }

  /** @throws ApiError `invalid_token`, or `authentication_unavailable` when the key server cannot be reached. */
  async verify(token: string): Promise<Caller> {
    const payload = await this.payloadOf(token);
    const caller = callerOf(payload);
    const expiresAt = payload.exp === undefined ? Number.MAX_SAFE_INTEGER : payload.exp * 1000;
    const until = Math.min(Date.now() + KNOWN_FOR_MS, expiresAt);
    if (token.length <= KNOWN_TOKEN_MAX_LENGTH) this.known.set(token, { caller, until });
    return caller;
  }

  private async payloadOf(token: string): Promise<JWTPayload> {
    try {
      return await this.check(token);
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** The header only chooses between the keys that there are; a secret never verifies what a public key should. */
  private async check(token: string): Promise<JWTPayload> {
    const { alg } = decodeProtectedHeader(token);
    if (alg === 'HS256' && this.secret) {
      return (await jwtVerify(token, this.secret, { ...this.options, algorithms: ['HS256'] })).payload;
    }
    if (this.keyServer && ASYMMETRIC.includes(alg ?? '')) {
      return (await jwtVerify(token, this.keyServer, { ...this.options, algorithms: ASYMMETRIC })).payload;
    }
    throw new errors.JOSEAlgNotAllowed(`the algorithm ${alg} is not taken here`);
  }
}

function callerOf({ sub, role, adult }: JWTPayload): Caller {
  const length = typeof sub === 'string' ? [...sub].length : 0;
  if (typeof sub !== 'string' || length < 1 || length > SUBJECT_MAX_CHARACTERS) {
    throw new ApiError('invalid_token', { details: `sub must have 1 to ${SUBJECT_MAX_CHARACTERS} characters` });
  }
  if (!sub.isWellFormed() || sub.includes('\0')) {
    throw new ApiError('invalid_token', { details: 'sub holds characters that cannot be stored' });
  }
  const isOperator = OPERATOR_ROLES.includes(String(role));
  return { userId: sub, accountKey: accountKeyOf(sub), isOperator, isAdult: adult === true };
}

/** A key that the server does not have makes the token wrong; a server that does not answer says nothing about it. */
function refusalOf(error: unknown): unknown {
  if (error instanceof errors.JWKSTimeout || isFetchFailure(error)) {
    return new ApiError('authentication_unavailable', { details: 'the key server does not answer', cause: error });
  }
  if (error instanceof errors.JOSEError || error instanceof TypeError) {
    return new ApiError('invalid_token', { details: error.message, cause: error });
  }
  return error;
}

/** jose lets fetch's TypeError through and answers a status other than 200 with its plainest error. */
function isFetchFailure(error: unknown): boolean {
  if (error instanceof TypeError) return error.message === 'fetch failed';
  return error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC';
}
