/** Writes prompts with a language model. */
import { createHash } from 'node:crypto';
import type { Answer } from './answer.js';
import type { ChatRequest, ChatServer } from './chat-server.js';
import type { Language } from './language.js';
import type { PromptWriter, WritingTask } from './prompt-writer.js';

export interface ChatWriterSettings {
  readonly model: string;
  /** The system prompt. */
  readonly instructions: string;
  readonly language: Language;
}

/** What is said to a model whose answer was too long. */
const ASK_FOR_LESS: Readonly<Record<Language, string>> = {
  zh: '太长了。请压缩到二百字以内，保留原文的全部事实，只输出描述本身。',
  en: 'This is too long. Shorten it to at most 110 words, keep every fact of the original, and answer with the description alone.',
};

/** Somewhat more than a prompt may have, in the model's own tokens: who writes on beyond it has lost the thread. */
const ANSWER_MAX_TOKENS = 768;
const ANSWER_MAX_CHARACTERS = 6_000;
/** Servers take signed numbers. */
const SEED_RANGE = 2 ** 31;

export class ChatWriter implements PromptWriter {
  constructor(
    private readonly server: ChatServer,
    private readonly settings: ChatWriterSettings,
  ) {}

  get model(): string {
    return this.settings.model;
  }

  setup(signal: AbortSignal): Promise<void> {
    return this.server.whenReady(signal);
  }

  write(task: WritingTask, onText: (soFar: string) => void, signal: AbortSignal): Promise<Answer> {
    const limits = { maxTokens: ANSWER_MAX_TOKENS, maxCharacters: ANSWER_MAX_CHARACTERS };
    const request = { messages: this.messages(task), seed: task.seed % SEED_RANGE, ...limits };
    return this.server.complete(request, onText, signal);
  }

  private messages({ original, tooLong }: WritingTask): ChatRequest['messages'] {
    const asked = [
      { role: 'system' as const, content: this.settings.instructions },
      { role: 'user' as const, content: marked(original) },
    ];
    if (tooLong === undefined) return asked;
    return [
      ...asked,
      { role: 'assistant', content: tooLong },
      { role: 'user', content: ASK_FOR_LESS[this.settings.language] },
    ];
  }
}

/** Between marks that the text itself cannot hold: whatever it says, it does not end there. */
function marked(text: string): string {
  const number = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `<prompt-${number}>\n${text}\n</prompt-${number}>`;
}
