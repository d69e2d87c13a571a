import { ApiModule } from './api.module.js';
import { mountQueueBoard } from './admin/queue-board.js';
import { mountApiDocs } from './common/api-docs.js';
import { runProcess } from './process.js';

/** The API process: `npm run start:api`. */
await runProcess({
  module: ApiModule,
  prepare: async (app) => {
    mountApiDocs(app);
    await mountQueueBoard(app);
  },
  address: ({ host, port }) => ({ host, port, setting: 'PORT' }),
});
