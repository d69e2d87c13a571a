import { runProcess } from './process.js';
import { WorkerModule } from './worker.module.js';

/** A worker process: `npm run start:worker`, as many as it takes. */
await runProcess({
  module: WorkerModule,
  prepare: () => Promise.resolve(),
  address: ({ host, workerPort }) => ({ host, port: workerPort, setting: 'WORKER_PORT' }),
});
