import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SERVICE_NAMES } from '#contracts/rights.js';
import { type ScratchFolder, scratchFolder } from '../../test/support/scratch-folder.js';
import { natsUsers, SecretFolder } from './secrets.js';

let scratch: ScratchFolder;
let secrets: SecretFolder;

beforeEach(async () => {
  scratch = await scratchFolder();
  secrets = new SecretFolder(join(scratch.path, 'secrets'));
});

afterEach(() => scratch.remove());

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('SecretFolder', () => {
  it('when a secret is asked for the first time › makes one that only the owner can read', async () => {
    const secret = await secrets.readOrMake('key');
    expect(secret).toHaveLength(43);
    expect(await modeOf(secrets.fileOf('key'))).toBe(0o600);
    expect(await modeOf(secrets.folder)).toBe(0o700);
  });

  it('when asked again › yields the same', async () => {
    expect(await secrets.readOrMake('key')).toBe(await secrets.readOrMake('key'));
  });

  it('when somebody has opened the files to others › closes them', async () => {
    await secrets.readOrMake('key');
    await chmod(secrets.fileOf('key'), 0o644);
    await chmod(secrets.folder, 0o755);
    await secrets.readOrMake('key');
    expect(await modeOf(secrets.fileOf('key'))).toBe(0o600);
    expect(await modeOf(secrets.folder)).toBe(0o700);
  });

  it('when a secret was never made › reading yields nothing', async () => {
    expect(await secrets.read('key')).toBeUndefined();
  });
});

describe('natsUsers', () => {
  it('when called twice › every service keeps a key of its own', async () => {
    const users = await natsUsers(secrets);
    expect(await natsUsers(secrets)).toEqual(users);
    const keys = Object.values(users).map((user) => user.publicKey);
    expect(new Set(keys).size).toBe(SERVICE_NAMES.length);
    expect(await readFile(users.gateway.seedFile, 'utf8')).toMatch(/^SU[A-Z0-9]+\n$/);
    expect(await modeOf(users.gateway.seedFile)).toBe(0o600);
  });
});
