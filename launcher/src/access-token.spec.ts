import { jwtVerify } from 'jose';
import { expect, it } from 'vitest';
import { signToken } from './access-token.js';

const secret = 'a secret of the tests, long enough';
const verify = async (token: string, key = secret) => (await jwtVerify(token, new TextEncoder().encode(key))).payload;

it('a token names the user and ends after its lifetime', async () => {
  const { sub, iat = 0, exp = 0, role } = await verify(await signToken({ secret, user: 'alice', lifetimeSeconds: 60 }));
  expect({ sub, role, lifetime: exp - iat }).toEqual({ sub: 'alice', role: undefined, lifetime: 60 });
});

it('a token carries role, issuer and audience where they are given', async () => {
  const request = { secret, user: 'a', lifetimeSeconds: 60, role: 'admin', issuer: 'me', audience: 'you' };
  expect(await verify(await signToken(request))).toMatchObject({ role: 'admin', iss: 'me', aud: 'you' });
});

it('a token says that its user may ask for adult content only where that was asked for', async () => {
  const request = { secret, user: 'alice', lifetimeSeconds: 60 };
  expect((await verify(await signToken({ ...request, adult: true }))).adult).toBe(true);
  expect(await verify(await signToken({ ...request, adult: false }))).not.toHaveProperty('adult');
});

it('a token of another key is not believed', async () => {
  const token = await signToken({ secret, user: 'alice', lifetimeSeconds: 60 });
  await expect(verify(token, 'another secret, which is long too')).rejects.toThrow('signature');
});
