import { SignJWT } from 'jose';

/** What a token says, and the key that signs it. */
export interface TokenRequest {
  /** HS256 key. */
  secret: string;
  user: string;
  role?: string;
  /** Whether the user may ask for adult content, where the operator allows it. */
  adult?: boolean;
  lifetimeSeconds: number;
  issuer?: string;
  audience?: string;
}

/** A JSON Web Token with which `user` can use the API. */
export async function signToken(request: TokenRequest): Promise<string> {
  const { user, role, adult, issuer, audience, lifetimeSeconds } = request;
  const now = Math.floor(Date.now() / 1_000);
  const token = new SignJWT({ ...(role === undefined ? {} : { role }), ...(adult ? { adult } : {}) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(user)
    .setIssuedAt(now)
    .setExpirationTime(now + lifetimeSeconds);
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return token.sign(new TextEncoder().encode(request.secret));
}
