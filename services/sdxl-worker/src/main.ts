import { runGenerationWorker } from '#worker/generation-worker.js';

runGenerationWorker('sdxl-worker', 'sdxl');
