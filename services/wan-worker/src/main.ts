import { runGenerationWorker } from '#worker/generation-worker.js';

runGenerationWorker('wan-worker', 'wan');
