import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signUploadUrl, verifyUploadUrl } from './signed-upload.js';
import { signAssetUrl, verifyAssetUrl } from './signed-url.js';

const KEY = `sdxl_image_fast/${'0123456789abcdef'.repeat(2)}/01890000-0000-7000-8000-000000000000/0.png`;
const secret = 's'.repeat(32);
const publicUrl = 'http://localhost:3000';
const UPLOAD = { key: KEY, attempt: 2, maxBytes: 5_000, mediaType: 'image/png', expiresAt: 1_000 };

function queryOf(url: string): Record<string, string> {
  return Object.fromEntries(new URL(url).searchParams);
}

describe('a signed address for a file to come', () => {
  const url = signUploadUrl(UPLOAD, { publicUrl, secret });
  const query = queryOf(url);
  const check = { key: KEY, query, secret, now: 999 };

  it('tells what may be sent, until it expires', () => {
    expect(url.startsWith(`http://localhost:3000/assets/${KEY}?`)).toBe(true);
    expect(verifyUploadUrl(check)).toEqual(UPLOAD);
    expect(verifyUploadUrl({ ...check, now: 1_000 })).toBe('expired');
  });

  it.each([
    ['attempt', '3'],
    ['max', '5001'],
    ['type', 'video/mp4'],
    ['exp', '2000'],
    ['exp', '01000'],
    ['sig', ''],
  ])('with another %s › is refused', (name, value) => {
    expect(verifyUploadUrl({ ...check, query: { ...query, [name]: value } })).toBe('invalid');
    expect(verifyUploadUrl({ ...check, query: { ...query, [name]: [value] } })).toBe('invalid');
  });

  it('is good for its own key and secret only', () => {
    expect(verifyUploadUrl({ ...check, key: KEY.replace('0.png', '1.png') })).toBe('invalid');
    expect(verifyUploadUrl({ ...check, key: '../x' })).toBe('invalid');
    expect(verifyUploadUrl({ ...check, secret: 't'.repeat(32) })).toBe('invalid');
  });

  it('reads nothing, and an address to read from takes nothing', () => {
    const { exp, sig } = query;
    expect(verifyAssetUrl({ key: KEY, exp, sig, secret, now: 1 })).toBe('invalid');
    const read = queryOf(signAssetUrl({ publicUrl, key: KEY, secret, expiresAt: 1_000 }));
    expect(verifyUploadUrl({ ...check, query: { ...query, ...read } })).toBe('invalid');
  });

  it('with any other signature is refused', () => {
    fc.assert(
      fc.property(fc.string(), (sig) => {
        fc.pre(sig !== query.sig);
        expect(verifyUploadUrl({ ...check, query: { ...query, sig } })).toBe('invalid');
      }),
    );
  });
});
