import { describe, expect, it } from 'vitest';
import { refusalOf } from './target.js';

const strict = { allowHttp: false, allowPrivate: false };

describe('the address of a webhook', () => {
  it.each([
    'https://example.com',
    'https://example.com/path?x=1&y=%20',
    'https://example.com:8443/',
    'HTTPS://EXAMPLE.COM/',
    'https://bücher.example/',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
  ])('%s › is fine', (url) => {
    expect(refusalOf(url, strict)).toBeUndefined();
  });

  it.each([
    ['', 'begin with'],
    ['example.com', 'begin with'],
    ['/path', 'begin with'],
    ['https:example.com', 'begin with'],
    ['http://example.com', 'begin with https://'],
    ['ftp://example.com', 'begin with'],
    ['file:///etc/passwd', 'begin with'],
    ['javascript:alert(1)', 'begin with'],
    ['https://', 'absolute'],
    ['https://a b/', 'absolute'],
    ['https://exa\nmple.com/', 'absolute'],
    ['https://example.com/\u0000', 'absolute'],
    ['https://example.com/\ud800', 'absolute'],
    [' https://example.com/', 'begin with'],
    ['https://example.com:99999/', 'absolute'],
    ['https://256.1.1.1/', 'absolute'],
    ['https://[fe80::1%25eth0]/', 'absolute'],
    ['https://user@example.com/', 'user name'],
    ['https://user:secret@example.com/', 'user name'],
    ['https://:secret@example.com/', 'user name'],
    ['https://example.com/#part', 'fragment'],
    ['https://example.com/#', 'fragment'],
    ['https://127.0.0.1/', 'private'],
    ['https://127.0.0.1./', 'private'],
    ['https://127.1/', 'private'],
    ['https://2130706433/', 'private'], // decimal
    ['https://0x7f000001/', 'private'], // hexadecimal
    ['https://0177.0.0.1/', 'private'], // octal
    ['https://0/', 'private'],
    ['https://１２７.0.0.1/', 'private'], // full-width digits
    ['https://169.254.169.254/latest/meta-data/', 'private'],
    ['https://10.1.2.3/', 'private'],
    ['https://[::1]/', 'private'],
    ['https://[::ffff:10.0.0.1]/', 'private'],
    ['https://[fd00:ec2::254]/', 'private'],
    ['https://localhost/', 'private'],
    ['https://LOCALHOST./', 'private'],
    ['https://api.localhost/', 'private'],
    ['https://printer.local/', 'private'],
    ['https://metadata.google.internal/', 'private'],
  ])('%j › is refused: %s', (url, why) => {
    expect(refusalOf(url, strict)).toContain(why);
  });

  it('http › is fine where the operator allows it, and private addresses are refused all the same', () => {
    const policy = { ...strict, allowHttp: true };
    expect(refusalOf('http://example.com/', policy)).toBeUndefined();
    expect(refusalOf('http://127.0.0.1/', policy)).toContain('private');
    expect(refusalOf('ftp://example.com/', policy)).toContain('begin with');
  });

  it('a private address › is fine where the operator allows it, and credentials are refused all the same', () => {
    const policy = { ...strict, allowPrivate: true };
    expect(refusalOf('https://127.0.0.1:8080/', policy)).toBeUndefined();
    expect(refusalOf('https://a:b@127.0.0.1/', policy)).toContain('user name');
  });
});
