import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { OperatorAccess } from '../api-keys/operator-access.js';
import { sendProblem, toDomainError } from '../common/problem.filter.js';
import { DeliveryQueue } from '../queue/delivery-queue.js';

const PATH = '/queues';

/** BullMQ's board at `/queues`, for the operator. Read only: what happens to a delivery is decided in PostgreSQL. */
export async function mountQueueBoard(app: NestFastifyApplication): Promise<void> {
  const operator = app.get(OperatorAccess);
  const adapter = new FastifyAdapter();
  adapter.setBasePath(PATH);
  createBullBoard({
    queues: [new BullMQAdapter(app.get(DeliveryQueue).bullQueue, { readOnlyMode: true })],
    serverAdapter: adapter,
  });
  const fastify = app.getHttpAdapter().getInstance();
  await fastify.register(async (scope) => {
    scope.addHook('onRequest', (request, reply, done) => {
      const apiKey = request.headers['x-api-key'];
      try {
        operator.assert({
          apiKey: typeof apiKey === 'string' ? apiKey : undefined,
          authorization: request.headers.authorization,
        });
        done();
      } catch (error) {
        // Answered here, as the board's own error handler makes a 500 of it.
        sendProblem(request, reply, toDomainError(error));
      }
    });
    await scope.register(adapter.registerPlugin() as never, { prefix: PATH });
  });
}
