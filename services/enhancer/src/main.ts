import type { Log } from '#service-kit/log.js';
import { runWorkerProcess, type Work, type WorkerSurroundings } from '#worker/worker-process.js';
import { ChatServer } from './chat-server.js';
import { ChatWriter } from './chat-writer.js';
import { type EnhancerConfiguration, readConfiguration } from './configuration.js';
import { EnhancementWork } from './enhancement-work.js';
import { PromptEnhancer } from './prompt-enhancer.js';
import type { PromptWriter } from './prompt-writer.js';
import { TemplateWriter } from './template-writer.js';

runWorkerProcess({ service: 'enhancer', engine: 'enhancer', readSettings: readConfiguration, prepare });

async function prepare(configuration: EnhancerConfiguration, around: WorkerSurroundings): Promise<Work> {
  const writer = writerFor(configuration, around.log);
  await writer.setup(around.stopping);
  const enhancer = new PromptEnhancer(writer, configuration, around.log);
  const work = new EnhancementWork(enhancer, around.bus, around.log, around.handBack);
  return { handle: (delivery) => work.handle(delivery), close: async () => undefined };
}

function writerFor(
  { server, language, instructions, previewDurationMs }: EnhancerConfiguration,
  log: Log,
): PromptWriter {
  if (!server) return new TemplateWriter({ language, durationMs: previewDurationMs });
  return new ChatWriter(new ChatServer(server, log), { model: server.model, instructions, language });
}
