import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigurationError, Environment } from '#service-kit/environment.js';
import { readConfiguration } from './configuration.js';

function read(variables: Record<string, string> = {}) {
  const environment = new Environment(variables);
  const configuration = readConfiguration(environment);
  environment.check();
  return configuration;
}

describe('the enhancer’s configuration', () => {
  test('by default › is the preview in Chinese', () => {
    const { language, server, instructions } = read();
    expect({ language, server }).toEqual({ language: 'zh', server: undefined });
    expect(instructions).toContain('电影化');
  });

  test('for an engine › names its server, its model and its key', () => {
    const engine = { ENGINE: 'http', ENGINE_URL: 'http://gpu:8000', ENGINE_API_KEY: 'k' };
    const { server, instructions } = read({ ...engine, ENHANCER_LANGUAGE: 'en' });
    expect(server).toMatchObject({ url: 'http://gpu:8000', apiKey: 'k', model: 'Qwen/Qwen2.5-7B-Instruct' });
    expect(instructions).toContain('cinematic');
  });

  test('with a file of one’s own › takes the instructions from it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'enhancer-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'mine.md'), 'Write like a poet.\n');
    expect(read({ ENHANCER_PROMPT_FILE: join(folder, 'mine.md') }).instructions).toBe('Write like a poet.');
    await writeFile(join(folder, 'empty.md'), ' \n');
    expect(() => read({ ENHANCER_PROMPT_FILE: join(folder, 'empty.md') })).toThrow(/ENHANCER_PROMPT_FILE/);
  });

  test.each([
    ['ENGINE_URL', { ENGINE: 'http' }],
    ['ENGINE_URL', { ENGINE: 'http', ENGINE_URL: 'ftp://gpu' }],
    ['ENGINE', { ENGINE: 'magic' }],
    ['ENHANCER_LANGUAGE', { ENHANCER_LANGUAGE: 'tlh' }],
    ['ENHANCER_PROMPT_FILE', { ENHANCER_PROMPT_FILE: '/no/such/file' }],
    ['ENHANCER_FIRST_TOKEN_SECONDS', { ENGINE: 'http', ENGINE_URL: 'http://gpu', ENHANCER_FIRST_TOKEN_SECONDS: '0' }],
  ])('with a wrong %s › says so', (name, variables) => {
    expect(() => read(variables)).toThrow(ConfigurationError);
    expect(() => read(variables)).toThrow(name);
  });
});
