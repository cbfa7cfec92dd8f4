/** Ed25519 keys of receipts (RFC 8032): the private one that signs, and public ones to check with. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { RECEIPT_ALGORITHM, type ReceiptKey } from '#contracts/http/receipts.js';

export interface SigningKey {
  readonly public: ReceiptKey;
  /** Base64. */
  sign(text: string): string;
}

const SEED_BYTES = 32;
/** What stands before the seed in a private key's PKCS #8 (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key of a seed of 32 bytes in base64 or base64url; undefined for any other text. */
export function parseSigningKey(text: string): SigningKey | undefined {
  const seed = Buffer.from(text, 'base64url');
  const plain = text.replaceAll('+', '-').replaceAll('/', '_').replace(/=$/, '');
  if (seed.length !== SEED_BYTES || seed.toString('base64url') !== plain) return undefined;
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  const signed = (message: string) => sign(null, Buffer.from(message), key).toString('base64');
  return { public: receiptKeyOf(createPublicKey(key)), sign: signed };
}

/** A public key as the API shows it. */
export function receiptKeyOf(key: KeyObject): ReceiptKey {
  const pem = key.export({ format: 'pem', type: 'spki' }).toString();
  return { algorithm: RECEIPT_ALGORITHM, key_id: thumbprintOf(key), public_key: pem };
}

/** RFC 7638, with the members that RFC 8037 names. */
function thumbprintOf(key: KeyObject): string {
  const { crv, kty, x } = key.export({ format: 'jwk' });
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
}
