import { ApiModule } from './api.module.js';
import { mountQueueBoard } from './admin/queue-board.js';
import { mountDashboard } from './admin/dashboard.js';
import { mountApiDocs } from './common/api-docs.js';
import { join } from 'node:path';
import { runProcess } from './process.js';

/** The API process: `npm run start:api`. */
await runProcess({
  module: ApiModule,
  prepare: async (app) => {
    mountApiDocs(app);
    await mountQueueBoard(app);
    // Built beside this file's folder.
    await mountDashboard(app, join(import.meta.dirname, '../dashboard'));
  },
  address: ({ host, port }) => ({ host, port, setting: 'PORT' }),
});
