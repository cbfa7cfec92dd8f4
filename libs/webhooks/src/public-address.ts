/** Which network addresses are out on the internet, where a webhook may lead. */
import ipaddr from 'ipaddr.js';

/** All of IPv6 that is given out for the internet; what is outside of it is special or not assigned. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Where there is no IPv4, the network reaches it through these: the last four bytes are the address (RFC 6052). */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');
/** A cloud's own service under an address that looks like any other: Azure's platform channel. */
const PLATFORM_SERVICES = ['168.63.129.16'];

/**
 * Whether an IPv4 or IPv6 address is a public one: not private, loopback, link-local, shared (CGNAT), multicast,
 * reserved, or one of a cloud's metadata services. An IPv4 address in IPv6 clothes counts as what it is.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv4) return isPublicIpv4(address);
  if (address.match(NAT64)) return isPublicIpv4(new ipaddr.IPv4(address.toByteArray().slice(12)));
  return address.match(GLOBAL_UNICAST) && address.range() === 'unicast';
}

function isPublicIpv4(address: ipaddr.IPv4): boolean {
  return address.range() === 'unicast' && !PLATFORM_SERVICES.includes(address.toString());
}
