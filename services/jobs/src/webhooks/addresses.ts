/** Finds the addresses behind the names of receivers, and lets nobody connect to those that are not public. */
import type { LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { isPublicAddress } from '#webhooks/public-address.js';

export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** A name leads where no webhook may. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError';
}

type NameServers = Readonly<Record<'resolve4' | 'resolve6', (host: string) => Promise<string[]>>>;
const NAME_SERVER_LIMITS = { timeout: 3_000, tries: 2 };

/**
 * Asks the name servers directly. The system's own way holds one of a few threads for as long as a name server takes,
 * and NATS and Postgres wait for the same threads when they connect.
 */
export function nameServers(resolver: NameServers = new Resolver(NAME_SERVER_LIMITS)): Resolve {
  return async (host) => {
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const addresses = [...found(four, 4), ...found(six, 6)];
    if (addresses.length === 0 && four.status === 'rejected') throw four.reason;
    return addresses;
  };
}

/** The system's own way, which knows the names of the local network too. */
export const systemNames: Resolve = (host) => lookup(host, { all: true });

/**
 * For `connect`: it gets the very addresses that were looked at here, so that a name cannot lead elsewhere a moment
 * later. One forbidden address among several forbids the name.
 */
export function guardedLookup(resolve: Resolve, allowPrivate: boolean): LookupFunction {
  return (host, options, callback) => {
    const hand = (addresses: readonly LookupAddress[]) => {
      const [first] = addresses;
      if (!first) return fail(new Error(`${host} has no address`));
      if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address))) {
        return fail(new ForbiddenAddressError(`${host} leads to an address that is not public`));
      }
      if (options.all) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    };
    const fail = (error: Error) => callback(error, '');
    resolve(host).then(hand, fail);
  };
}

function found(settled: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] {
  return settled.status === 'fulfilled' ? settled.value.map((address) => ({ address, family })) : [];
}
