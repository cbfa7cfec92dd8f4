/** Addresses to which one file may be sent until they expire: HMAC-SHA256 over everything that the file must be. */
import { createHmac } from 'node:crypto';
import { isAssetKey } from './asset-key.js';
import { isSameText } from './signed-url.js';

/** What an address allows. */
export interface Upload {
  readonly key: string;
  /** The attempt of the job whose output it is. */
  readonly attempt: number;
  readonly maxBytes: number;
  readonly mediaType: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

const NUMBER = /^[1-9]\d{0,11}$/;

export function signUploadUrl(upload: Upload, { publicUrl, secret }: { publicUrl: string; secret: string }): string {
  const { key, attempt, maxBytes, mediaType, expiresAt } = upload;
  const terms = { attempt: String(attempt), max: String(maxBytes), type: mediaType, exp: String(expiresAt) };
  const query = new URLSearchParams({ ...terms, sig: signatureOf(key, terms, secret) });
  return `${publicUrl}/assets/${key}?${query}`;
}

export interface UploadUrlCheck {
  readonly key: string;
  /** The query of the address, as it came. */
  readonly query: Readonly<Record<string, unknown>>;
  readonly secret: string;
  /** Unix seconds. */
  readonly now: number;
}

/** What the address allows if it was signed by us for uploads and is still good, else why not. */
export function verifyUploadUrl({ key, query, secret, now }: UploadUrlCheck): Upload | 'invalid' | 'expired' {
  const { attempt, max, type, exp, sig } = query;
  if (!isAssetKey(key) || ![attempt, max, type, exp, sig].every((value) => typeof value === 'string')) return 'invalid';
  const terms = { attempt: String(attempt), max: String(max), type: String(type), exp: String(exp) };
  if (![terms.attempt, terms.max, terms.exp].every((value) => NUMBER.test(value))) return 'invalid';
  if (!isSameText(String(sig), signatureOf(key, terms, secret))) return 'invalid';
  if (Number(exp) <= now) return 'expired';
  const [maxBytes, expiresAt] = [Number(max), Number(exp)];
  return { key, attempt: Number(attempt), maxBytes, mediaType: terms.type, expiresAt };
}

type Terms = Readonly<Record<'attempt' | 'max' | 'type' | 'exp', string>>;

/** The first line tells it from the signature of an address to read from, which begins with a key. */
function signatureOf(key: string, { attempt, max, type, exp }: Terms, secret: string): string {
  return createHmac('sha256', secret).update(['PUT', key, attempt, max, type, exp].join('\n')).digest('base64url');
}
