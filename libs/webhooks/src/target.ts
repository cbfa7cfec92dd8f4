/** Where webhooks may lead. The gateway asks when one is registered, the jobs service before each delivery. */
import { isIP } from 'node:net';
import { isPublicAddress } from './public-address.js';

/** What the operator allows beyond public addresses over TLS. */
export interface TargetPolicy {
  readonly allowHttp: boolean;
  readonly allowPrivate: boolean;
}

/** Names that never lead to the internet, without asking anybody. */
const LOCAL_NAME = /(^|\.)(localhost|local|internal)\.?$/;

/** Why a webhook must not lead to this address, as `url must …`, or undefined. A name is not looked up here. */
export function refusalOf(address: string, { allowHttp, allowPrivate }: TargetPolicy): string | undefined {
  const schemes = allowHttp ? 'https:// or http://' : 'https://';
  if (!/^https?:\/\//i.test(address)) return `url must begin with ${schemes}`;
  if (/[\s\p{Cc}\p{Cs}]/u.test(address) || !URL.canParse(address))
    return 'url must be an absolute address without blanks';
  const url = new URL(address);
  if (url.protocol === 'http:' && !allowHttp) return `url must begin with ${schemes}`;
  if (url.username !== '' || url.password !== '') return 'url must not contain a user name or password';
  if (address.includes('#')) return 'url must not have a fragment';
  if (allowPrivate || !isPrivateHost(hostOf(url))) return undefined;
  return 'url must not lead to a private, local or reserved address';
}

/** The host as a name or a bare address: brackets of IPv6 taken off. `URL` has made decimal and hex forms plain. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function isPrivateHost(host: string): boolean {
  return isIP(host) === 0 ? LOCAL_NAME.test(host) : !isPublicAddress(host);
}
