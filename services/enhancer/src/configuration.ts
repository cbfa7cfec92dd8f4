/** The enhancer's own part of the environment. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Environment } from '#service-kit/environment.js';
import type { ChatServerSettings } from './chat-server.js';
import { LANGUAGES, type Language } from './language.js';

const require = createRequire(import.meta.url);

export interface EnhancerConfiguration {
  readonly language: Language;
  /** The system prompt. */
  readonly instructions: string;
  /** Undefined for the preview's templates. */
  readonly server?: ChatServerSettings;
  readonly previewDurationMs: number;
}

const DEFAULT_MODEL = 'Qwen/Qwen2.5-7B-Instruct';
const FIRST_TOKEN_SECONDS = 30;
const SILENCE_SECONDS = 15;
const PREVIEW_MS = 300;

export function readConfiguration(environment: Environment): EnhancerConfiguration {
  const language = environment.oneOf('ENHANCER_LANGUAGE', LANGUAGES, 'zh');
  const engine = environment.oneOf('ENGINE', ['preview', 'http'] as const, 'preview');
  return {
    language,
    instructions: readInstructions(environment, language),
    server: engine === 'http' ? readServer(environment) : undefined,
    previewDurationMs: environment.integer('PREVIEW_ENHANCING_MS', PREVIEW_MS, { max: 60_000 }),
  };
}

function readServer(environment: Environment): ChatServerSettings {
  return {
    url: environment.url('ENGINE_URL', ['http:', 'https:']),
    apiKey: environment.optional('ENGINE_API_KEY'),
    model: environment.text('ENHANCER_MODEL', DEFAULT_MODEL),
    firstTokenMs:
      environment.integer('ENHANCER_FIRST_TOKEN_SECONDS', FIRST_TOKEN_SECONDS, { min: 1, max: 120 }) * 1_000,
    silenceMs: SILENCE_SECONDS * 1_000,
  };
}

/** The file of the language, or the operator's own. */
function readInstructions(environment: Environment, language: Language): string {
  const own = environment.optional('ENHANCER_PROMPT_FILE');
  const path = own ?? require.resolve(`#enhancer-prompts/${language}.md`);
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text || environment.problem(`ENHANCER_PROMPT_FILE is empty: ${path}`, '');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return environment.problem(`ENHANCER_PROMPT_FILE cannot be read: ${why}`, '');
  }
}
