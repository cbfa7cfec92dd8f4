/** Checks a receipt with nothing but the public key. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validateSync } from 'class-validator';
import { JobReceipt, type ReceiptStatement } from '#contracts/http/receipts.js';
import { signedText } from './signed-text.js';
import { receiptKeyOf } from './signing-key.js';

export type ReceiptCheck =
  | { readonly valid: true; readonly keyId: string; readonly statement: ReceiptStatement }
  | { readonly valid: false; readonly problem: string };

/** A public key from what people have: PEM, or the answer of `GET /api/receipt-key`. Undefined for anything else. */
export function parsePublicKey(text: string): KeyObject | undefined {
  try {
    const pem = text.trimStart().startsWith('{') ? JSON.parse(text).public_key : text;
    // From a private key its public one would be made: whoever checks must not need it.
    if (typeof pem !== 'string' || !pem.includes('BEGIN PUBLIC KEY')) return undefined;
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch (error) {
    // JSON.parse and OpenSSL say in their own words that it is no key.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Whether the holder of the key signed exactly this. `text` is the file as it is. */
export function checkReceipt(text: string, key: KeyObject): ReceiptCheck {
  const receipt = parseReceipt(text);
  if (typeof receipt === 'string') return invalid(receipt);
  const { statement, signature } = receipt;
  const keyId = receiptKeyOf(key).key_id;
  if (signature.key_id !== keyId) return invalid(`it was signed with another key: ${signature.key_id}, not ${keyId}`);
  const sound = verify(null, Buffer.from(signedText(statement)), key, Buffer.from(signature.value, 'base64'));
  return sound ? { valid: true, keyId, statement } : invalid('the signature does not fit: something was changed');
}

/** The receipt with all that it holds, also what this version does not know; or why it is none. */
function parseReceipt(text: string): JobReceipt | string {
  try {
    const parsed = JSON.parse(text) as JobReceipt;
    const [error] = validateSync(plainToInstance(JobReceipt, { ...parsed }), { forbidUnknownValues: false });
    if (error) return `it is no receipt: ${explain(error)}`;
    signedText(parsed.statement);
    return parsed;
  } catch (error) {
    // What the error quotes of the file is nothing for a terminal.
    if (error instanceof SyntaxError) return 'it is not JSON';
    if (error instanceof TypeError) return `it is no receipt: ${error.message}`;
    throw error;
  }
}

function explain(error: ValidationError): string {
  const [message] = Object.values(error.constraints ?? {});
  const [child] = error.children ?? [];
  if (message !== undefined) return message;
  return child ? explain(child) : `${error.property} is wrong`;
}

function invalid(problem: string): ReceiptCheck {
  return { valid: false, problem };
}
