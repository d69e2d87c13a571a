import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** What a receiver does with a connection; `requestNumber` counts the requests of all its connections, from 1. */
export type Behaviour = (socket: Socket, requestNumber: number) => void;

/** A receiver below HTTP, on 127.0.0.1: it writes whatever bytes its behaviour says, whether or not they are a response. */
export class RawReceiver {
  connections = 0;
  requests = 0;
  readonly openSockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  /**
   * @param requestEnd the last bytes of every request, by which it knows that one has arrived.
   * @param when whether it acts on each request, or on the connection without waiting for one.
   */
  static async start(
    behave: Behaviour,
    requestEnd: string,
    when: 'connected' | 'requested' = 'requested',
  ): Promise<RawReceiver> {
    const server = createServer();
    const receiver = new RawReceiver(server);
    server.on('connection', (socket: Socket) => {
      receiver.connections += 1;
      receiver.openSockets.add(socket);
      socket.on('close', () => receiver.openSockets.delete(socket));
      // The sender hangs up in the midst of hostile answers; the write errors that follow are of no interest.
      socket.on('error', () => undefined);
      if (when === 'connected') behave(socket, 1);
      let seen = '';
      socket.on('data', (chunk: Buffer) => {
        seen += chunk.toString('latin1');
        if (!seen.endsWith(requestEnd)) return;
        seen = '';
        receiver.requests += 1;
        if (when === 'requested') behave(socket, receiver.requests);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  async close(): Promise<void> {
    for (const socket of this.openSockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
}

/** Answers with these bytes and leaves the connection open. */
export function answering(...parts: (string | Buffer)[]): Behaviour {
  return (socket) => parts.forEach((part) => socket.write(part));
}

/** Writes for as long as the other side reads. */
export function writeForEver(socket: Socket, chunk: string | Buffer): void {
  while (!socket.destroyed && socket.write(chunk)) continue;
  if (!socket.destroyed) socket.once('drain', () => writeForEver(socket, chunk));
}

/** Writes one piece every 20 ms until the other side closes. */
export function drip(socket: Socket, piece: string): void {
  const timer = setInterval(() => socket.write(piece), 20);
  socket.on('close', () => clearInterval(timer));
}
