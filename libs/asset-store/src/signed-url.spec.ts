import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assetUrlExpiry, signAssetUrl, verifyAssetUrl } from './signed-url.js';

const KEY = `sdxl_image_fast/${'0123456789abcdef'.repeat(2)}/01890000-0000-7000-8000-000000000000/0.png`;
const OTHER = KEY.replace('0.png', '1.png');
const SECRET = 's'.repeat(32);

function parts(url: string) {
  const { searchParams } = new URL(url);
  return { exp: searchParams.get('exp'), sig: searchParams.get('sig') };
}

describe('a signed address', () => {
  const url = signAssetUrl({ publicUrl: 'http://localhost:3000', key: KEY, secret: SECRET, expiresAt: 1000 });
  const check = { key: KEY, ...parts(url), secret: SECRET, now: 999 };

  it('is good until it expires', () => {
    expect(url.startsWith(`http://localhost:3000/assets/${KEY}?`)).toBe(true);
    expect(verifyAssetUrl(check)).toBe('valid');
    expect(verifyAssetUrl({ ...check, now: 1000 })).toBe('expired');
  });

  it('is good for its own key, secret and expiry only', () => {
    expect(verifyAssetUrl({ ...check, key: OTHER })).toBe('invalid');
    expect(verifyAssetUrl({ ...check, secret: 't'.repeat(32) })).toBe('invalid');
    expect(verifyAssetUrl({ ...check, exp: '2000' })).toBe('invalid');
    expect(verifyAssetUrl({ ...check, exp: '01000' })).toBe('invalid');
    expect(verifyAssetUrl({ ...check, exp: ['1000'] })).toBe('invalid');
    expect(verifyAssetUrl({ ...check, sig: undefined })).toBe('invalid');
    expect(verifyAssetUrl({ ...check, sig: `${check.sig}=` })).toBe('invalid');
  });

  it('with any other signature is refused', () => {
    fc.assert(
      fc.property(fc.string(), (sig) => {
        fc.pre(sig !== check.sig);
        expect(verifyAssetUrl({ ...check, sig })).toBe('invalid');
      }),
    );
  });
});

describe('the expiry', () => {
  it('lies between the time to live and a quarter more', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.integer({ min: 1, max: 86_400 }), (nowSeconds, ttl) => {
        const left = assetUrlExpiry(nowSeconds * 1000, ttl) - nowSeconds;
        expect(left).toBeGreaterThanOrEqual(ttl);
        expect(left).toBeLessThanOrEqual(Math.max(ttl + 1, ttl * 1.25));
      }),
    );
  });

  it('stays the same within a step, so that addresses can be cached', () => {
    expect(assetUrlExpiry(900_000, 3600)).toBe(assetUrlExpiry(900_000 - 899_000, 3600));
  });
});
