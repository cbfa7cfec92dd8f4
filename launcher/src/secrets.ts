import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createUser, fromSeed } from '@nats-io/nkeys';
import { SERVICE_NAMES, type ServiceName } from '#contracts/rights.js';
import { unlessMissing } from '#service-kit/file-errors.js';

/** Secrets that are made once and stay in the data folder, each in a file that only its owner may read. */
export class SecretFolder {
  /** @param folder made when it is missing */
  constructor(readonly folder: string) {}

  /** Path of a secret's file. */
  fileOf(name: string): string {
    return join(this.folder, name);
  }

  /** The secret, undefined when it was never made. */
  async read(name: string): Promise<string | undefined> {
    return (await unlessMissing(readFile(this.fileOf(name), 'utf8')))?.trim() || undefined;
  }

  /** The secret; made at the first time. */
  async readOrMake(name: string, make: () => string = randomSecret): Promise<string> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await chmod(this.folder, 0o700);
    const known = await this.read(name);
    if (known === undefined) return this.#keep(name, make());
    await chmod(this.fileOf(name), 0o600);
    return known;
  }

  /** The file has its name only when it is complete and on the disk. */
  async #keep(name: string, secret: string): Promise<string> {
    const unfinished = `${this.fileOf(name)}.unfinished`;
    const file = await open(unfinished, 'w', 0o600);
    try {
      await file.writeFile(`${secret}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, this.fileOf(name));
    return secret;
  }
}

/** Name of the key that signs the tokens of users. */
export const TOKEN_SECRET = 'auth-jwt-secret';
/** Name of the key that signs the addresses of assets. */
export const ASSET_URL_SECRET = 'asset-url-secret';

/** Name of the key that the secrets of webhooks are derived from. */
export const WEBHOOK_SECRET = 'webhook-secret';

/** Name of the key that signs receipts: 32 bytes, as every secret here. */
export const RECEIPT_SIGNING_KEY = 'receipt-signing-key';

/** 256 random bits, as text. */
function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A service's identity at the NATS server. */
export interface NatsUser {
  publicKey: string;
  /** File with the seed of its nkey. */
  seedFile: string;
}

/** The identities of all services; made at the first time. */
export async function natsUsers(secrets: SecretFolder): Promise<Record<ServiceName, NatsUser>> {
  const entries = SERVICE_NAMES.map(async (service) => [service, await natsUser(secrets, service)] as const);
  return Object.fromEntries(await Promise.all(entries)) as Record<ServiceName, NatsUser>;
}

async function natsUser(secrets: SecretFolder, service: ServiceName): Promise<NatsUser> {
  const name = `nats-${service}.nk`;
  const seed = await secrets.readOrMake(name, () => new TextDecoder().decode(createUser().getSeed()));
  return { publicKey: fromSeed(new TextEncoder().encode(seed)).getPublicKey(), seedFile: secrets.fileOf(name) };
}
