import { describe, expect, it } from 'vitest';
import { isPublicAddress } from './public-address.js';

describe('an address', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8', // IPv4 in IPv6
    '64:ff9b::808:808', // 8.8.8.8 through NAT64
  ])('%s › is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ['0.0.0.0', 'this host'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'shared'],
    ['100.100.100.200', 'metadata of a cloud'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'metadata of most clouds'],
    ['168.63.129.16', 'platform channel of a cloud'],
    ['192.0.0.192', 'metadata of a cloud'],
    ['192.0.2.1', 'documentation'],
    ['198.18.0.1', 'benchmarks'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'this host'],
    ['::1', 'loopback'],
    ['::7f00:1', 'loopback, IPv4-compatible'],
    ['::ffff:127.0.0.1', 'loopback, IPv4-mapped'],
    ['::ffff:a9fe:a9fe', 'metadata, IPv4-mapped'],
    ['::ffff:0:7f00:1', 'loopback, translated'],
    ['64:ff9b::7f00:1', 'loopback through NAT64'],
    ['64:ff9b::a9fe:a9fe', 'metadata through NAT64'],
    ['64:ff9b:1::808:808', 'NAT64 of the local network'],
    ['2002:7f00:1::', '6to4'],
    ['2001::1', 'Teredo'],
    ['2001:db8::1', 'documentation'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with its zone'],
    ['fec0::1', 'site-local'],
    ['fc00::1', 'unique local'],
    ['fd00:ec2::254', 'metadata of a cloud'],
    ['ff02::1', 'multicast'],
    ['4000::1', 'not assigned'],
    ['', 'nothing'],
    ['example.com', 'a name'],
  ])('%s (%s) › is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
