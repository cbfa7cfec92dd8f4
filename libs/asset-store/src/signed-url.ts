/** Addresses of assets that anybody may open until they expire: HMAC-SHA256 over key and expiry. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isAssetKey } from './asset-key.js';

export interface SignedUrlParts {
  /** Where the gateway is reached, without a trailing slash. */
  readonly publicUrl: string;
  readonly key: string;
  readonly secret: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** The signed address of an asset. `download=1` may be added to it: it is not part of the signature. */
export function signAssetUrl({ publicUrl, key, secret, expiresAt }: SignedUrlParts): string {
  return `${publicUrl}/assets/${key}?exp=${expiresAt}&sig=${signatureOf(key, String(expiresAt), secret)}`;
}

export interface AssetUrlCheck {
  readonly key: string;
  /** `exp` and `sig` of the address, as they came. */
  readonly exp: unknown;
  readonly sig: unknown;
  readonly secret: string;
  /** Unix seconds. */
  readonly now: number;
}

/** Whether an address was signed by us for this very key, and is still good. Takes as long for any wrong signature. */
export function verifyAssetUrl({ key, exp, sig, secret, now }: AssetUrlCheck): 'valid' | 'invalid' | 'expired' {
  if (!isAssetKey(key) || typeof exp !== 'string' || typeof sig !== 'string') return 'invalid';
  if (!/^[1-9]\d{0,11}$/.test(exp) || !isSameText(sig, signatureOf(key, exp, secret))) return 'invalid';
  return Number(exp) > now ? 'valid' : 'expired';
}

/**
 * When an address made now expires, in Unix seconds: after at least the time to live and at most a quarter more. Rounded
 * up, so that the address of an asset stays the same for a while and browsers find the file in their cache.
 */
export function assetUrlExpiry(nowMs: number, timeToLiveSeconds: number): number {
  const step = Math.max(1, Math.floor(timeToLiveSeconds / 4));
  return Math.ceil((nowMs / 1000 + timeToLiveSeconds) / step) * step;
}

function signatureOf(key: string, exp: string, secret: string): string {
  return createHmac('sha256', secret).update(`${key}\n${exp}`).digest('base64url');
}

/** Takes as long for any wrong text of the right length. */
export function isSameText(given: string, right: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}
