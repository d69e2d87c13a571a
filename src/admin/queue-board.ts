import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Queue } from 'bullmq';
import { OperatorAccess } from '../api-keys/operator-access.js';
import { headerOf } from '../api-keys/presented.js';
import { readSessionCookie } from '../api-keys/session-cookie.js';
import { sendProblem, toDomainError } from '../common/problem.filter.js';
import { Config } from '../config/config.js';
import { DeliveryQueue } from '../queue/delivery-queue.js';

const PATH = '/queues';

const readOnly = (queue: Queue): BullMQAdapter => new BullMQAdapter(queue, { readOnlyMode: true });

/** BullMQ's board at `/queues`, for the operator. Read only: what happens to a delivery is decided in PostgreSQL. */
export async function mountQueueBoard(app: NestFastifyApplication): Promise<void> {
  const operator = app.get(OperatorAccess);
  const { publicUrl } = app.get(Config);
  const adapter = new FastifyAdapter();
  adapter.setBasePath(PATH);
  const deliveries = app.get(DeliveryQueue);
  let shown = deliveries.bullQueue;
  const board = createBullBoard({ queues: [readOnly(shown)], serverAdapter: adapter });
  const fastify = app.getHttpAdapter().getInstance();
  await fastify.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      try {
        await operator.assert({
          apiKey: headerOf(request, 'x-api-key'),
          authorization: request.headers.authorization,
          // The board changes nothing; should it ever, then not by a cookie, which another site could make use of.
          session: request.method === 'GET' ? readSessionCookie(request, publicUrl) : null,
        });
        if (shown !== deliveries.bullQueue) {
          shown = deliveries.bullQueue;
          board.replaceQueues([readOnly(shown)]);
        }
      } catch (error) {
        // Answered here, as the board's own error handler makes a 500 of it.
        sendProblem(request, reply, toDomainError(error));
        return reply;
      }
    });
    await scope.register(adapter.registerPlugin() as never, { prefix: PATH });
  });
}
