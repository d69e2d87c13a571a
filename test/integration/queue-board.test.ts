import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { randomBytes } from 'node:crypto';
import { mountQueueBoard } from '../../src/admin/queue-board.js';
import { ApiModule } from '../../src/api.module.js';
import { configureHttp, createHttpAdapter, HTTP_APP_OPTIONS } from '../../src/common/http-app.js';
import { Config } from '../../src/config/config.js';
import { DeliveryQueue } from '../../src/queue/delivery-queue.js';
import { OPERATOR_KEY } from '../support/api-app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
let app: NestFastifyApplication;
beforeAll(async () => {
  database = await createTestDatabase();
  const config = Object.assign(new Config(), {
    databaseUrl: database.url,
    databasePoolSize: 3,
    adminApiKey: OPERATOR_KEY,
    encryptionKey: randomBytes(32).toString('base64'),
    logLevel: 'silent',
  });
  const module = await Test.createTestingModule({ imports: [ApiModule] })
    .overrideProvider(Config)
    .useValue(config)
    .compile();
  app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter(config), {
    ...HTTP_APP_OPTIONS,
    logger: false,
  });
  configureHttp(app);
  await mountQueueBoard(app);
  await app.init();
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const look = async (): Promise<number> =>
  (await app.inject({ url: '/queues/api/queues', headers: { 'x-api-key': OPERATOR_KEY } })).statusCode;

describe('the board of queues', () => {
  it('shows the queue that took the place of one which had become unusable', async () => {
    const queue = app.get(DeliveryQueue);
    const first = queue.bullQueue;
    await first.waitUntilReady();
    const asked: string[] = [];
    jest.spyOn(first, 'getJobCounts').mockImplementation(() => Promise.resolve(void asked.push('first') as never));
    // What the next delivery does when the store went away while the first was connecting to it.
    queue['replace']();
    const second = queue.bullQueue;
    expect(second).not.toBe(first);
    const counts = jest.spyOn(second, 'getJobCounts');
    expect([await look(), await look()]).toEqual([200, 200]);
    expect(counts).toHaveBeenCalledTimes(2);
    expect(asked).toEqual([]);
  });
});
