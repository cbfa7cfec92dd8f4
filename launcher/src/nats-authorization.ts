import type { Rights } from '#contracts/rights.js';

/** How long a service may take to answer a request that it received. */
const RESPONSE_EXPIRES = '30s';

/**
 * The block of a NATS server's configuration that lets each service in by its key, and lets it do what its rights name
 * and nothing else. JSON is a valid form of that configuration language.
 *
 * @param publicKeys the public nkey (`U…`) of each service in `rights`
 */
export function natsAuthorization<Name extends string>(
  rights: Readonly<Record<Name, Rights>>,
  publicKeys: Readonly<Record<Name, string>>,
): string {
  const users = (Object.keys(rights) as Name[]).map((name) => ({
    nkey: publicKeys[name],
    permissions: permissionsOf(rights[name]),
  }));
  return `authorization ${JSON.stringify({ default_permissions: NOTHING, users }, undefined, 2)}`;
}

const NOTHING = { publish: { deny: ['>'] }, subscribe: { deny: ['>'] } };

function permissionsOf({ publish, subscribe, allowResponses }: Rights) {
  return {
    publish: { allow: publish },
    subscribe: { allow: subscribe },
    ...(allowResponses ? { allow_responses: { max: 1, expires: RESPONSE_EXPIRES } } : {}),
  };
}
