/** The program behind `npm run token`: prints a token for the API, and nothing else, on standard output. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SUBJECT_MAX_CHARACTERS } from '#contracts/limits.js';
import { type Connection, DEFAULT_DATA_DIR, readConnection } from '#service-kit/connection-file.js';
import { Environment } from '#service-kit/environment.js';
import { signToken, type TokenRequest } from './access-token.js';
import { parseDuration } from './duration.js';
import { SecretFolder, TOKEN_SECRET } from './secrets.js';
import { secretFolderOf } from './settings.js';

type Wishes = Pick<TokenRequest, 'user' | 'role' | 'adult' | 'lifetimeSeconds'>;

function readWishes(args: string[]): Wishes {
  const text = { type: 'string' } as const;
  const adultFlag = { type: 'boolean' } as const;
  const options = { user: text, role: text, adult: adultFlag, expires: { ...text, default: '1h' } };
  const { user = '', role, adult, expires } = parseArgs({ args, options }).values;
  if (user === '' || user.length > SUBJECT_MAX_CHARACTERS) {
    throw new Error(`Whose token? npm run token -- --user alice (1 to ${SUBJECT_MAX_CHARACTERS} characters)`);
  }
  return { user, role, adult, lifetimeSeconds: parseDuration(expires) };
}

/** The key and the checks of the gateway: from the environment, else as the latest start of the platform had them. */
async function readTrust(environment: Environment): Promise<Pick<TokenRequest, 'secret' | 'issuer' | 'audience'>> {
  const dataDir = resolve(environment.text('DATA_DIR', DEFAULT_DATA_DIR));
  const connection = await readConnection(dataDir);
  return {
    secret: environment.optional('AUTH_JWT_SECRET') ?? (await keptSecret(dataDir, connection)),
    issuer: environment.optional('AUTH_ISSUER') ?? connection?.auth.issuer,
    audience: environment.optional('AUTH_AUDIENCE') ?? connection?.auth.audience,
  };
}

async function keptSecret(dataDir: string, connection: Connection | undefined): Promise<string> {
  if (connection?.auth.secretFile === null) {
    throw new Error('The platform was started with an AUTH_JWT_SECRET of its own: set the same one here.');
  }
  const secret = await new SecretFolder(secretFolderOf(dataDir)).read(TOKEN_SECRET);
  if (secret !== undefined) return secret;
  throw new Error(
    `There is no key in ${dataDir} yet: start the platform once (npm start), or set DATA_DIR or AUTH_JWT_SECRET.`,
  );
}

try {
  const wishes = readWishes(process.argv.slice(2));
  const token = await signToken({ ...wishes, ...(await readTrust(new Environment(process.env))) });
  process.stdout.write(`${token}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
