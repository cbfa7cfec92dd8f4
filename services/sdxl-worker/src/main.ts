import { runWorker } from '#worker/worker-process.js';

runWorker('sdxl-worker', 'sdxl');
