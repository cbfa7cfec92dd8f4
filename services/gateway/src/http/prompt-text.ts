/** The rules for every text of a client that reaches an engine. Pure. */
import { PROMPT_MAX_CHARACTERS } from '#contracts/limits.js';
import { ApiError } from './api-error.js';

const INVISIBLE_ONLY = /^[\s\p{Cf}\p{Cc}\p{Z}]*$/u;

/** A prompt, trimmed. @throws ApiError `invalid_body` that names the field, for one that is empty, too long or broken. */
export function promptText(name: string, value: string): string {
  const prompt = trimmedText(name, value);
  if (INVISIBLE_ONLY.test(prompt)) throw invalid(`${name} must not be empty`);
  return prompt;
}

/** The same for a text that may be empty. */
export function trimmedText(name: string, value: string): string {
  const text = cleanText(name, value).trim();
  // A character outside the basic plane is two units of the string and one for its reader.
  if (text.length <= PROMPT_MAX_CHARACTERS || [...text].length <= PROMPT_MAX_CHARACTERS) return text;
  throw invalid(`${name} must have at most ${PROMPT_MAX_CHARACTERS} characters`);
}

/** Neither can be stored as text everywhere: Postgres takes no NUL, UTF-8 no half of a pair. */
export function cleanText(name: string, text: string): string {
  if (text.includes('\0')) throw invalid(`${name} must not contain NUL characters`);
  if (!text.isWellFormed()) throw invalid(`${name} must not contain unpaired surrogates`);
  return text;
}

function invalid(details: string): ApiError {
  return new ApiError('invalid_body', { details });
}
