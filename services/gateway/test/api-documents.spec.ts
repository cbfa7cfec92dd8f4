import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Kit, startKit } from './gateway-kit.js';

let kit: Kit;
beforeAll(async () => {
  kit = await startKit();
});
afterAll(() => kit.close());

describe('the documents of the API', () => {
  it('openapi.json › is there for everybody, from any origin', async () => {
    const response = await fetch(`${kit.url}/api/openapi.json`, { headers: { origin: 'https://example.org' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch('application/json');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await response.json()).toMatchObject({ openapi: '3.1.0', paths: { '/api/queue-job': {} } });
  });

  it('the page › asks nobody but the gateway', async () => {
    const response = await fetch(`${kit.url}/api/docs`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch('text/html');
    expect(response.headers.get('content-security-policy')).toMatch("default-src 'self'; script-src 'self'");
    const html = await response.text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = '']) => address);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      const address = new URL(file, `${kit.url}/api/docs`);
      expect(address.origin).toBe(new URL(kit.url).origin);
      expect((await fetch(address)).status, file).toBe(200);
    }
  });

  it('other addresses below it › are not there', async () => {
    const response = await fetch(`${kit.url}/api/docs/static/..%2f..%2f..%2fpackage.json`);
    expect(response.status).toBe(404);
  });
});
