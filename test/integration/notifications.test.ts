import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Notifications } from '../../src/stream/notifications.js';
import { waitFor } from '../support/processes.js';

describe('notifications', () => {
  let server: Server;
  let sockets: Socket[];
  let notifications: Notifications;

  /** Takes the place of a PostgreSQL that accepts connections and doesn't come to answer them. */
  beforeEach(async () => {
    sockets = [];
    server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    notifications = new Notifications({
      databaseUrl: `postgres://posthaste@127.0.0.1:${port}/posthaste`,
      channels: ['anything'],
      onNotification: () => undefined,
      onListening: () => undefined,
    });
    await waitFor(() => sockets.length > 0, { what: 'it to connect' });
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('close while they connect', async () => {
    await notifications.close();
    expect(sockets).toHaveLength(1);
  });

  it('close while they connect to a server that goes away', async () => {
    const closed = notifications.close();
    for (const socket of sockets) socket.destroy();
    await closed;
    expect(sockets).toHaveLength(1);
  });
});
