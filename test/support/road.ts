import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way through TCP to a server, which a test can close and open again. */
export class Road {
  private readonly sockets = new Set<Socket>();
  private isOpen = true;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async to(url: string): Promise<Road> {
    const server = createServer();
    const road = new Road(server, new URL(url));
    server.on('connection', (socket: Socket) => road.lead(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return road;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Breaks every connection, and lets no new one through. */
  cut(): void {
    this.isOpen = false;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.isOpen = true;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private lead(socket: Socket): void {
    const onward = connect(Number(this.target.port), this.target.hostname);
    for (const [end, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.sockets.add(end);
      end.on('error', () => undefined);
      end.on('close', () => {
        this.sockets.delete(end);
        other.destroy();
      });
    }
    if (!this.isOpen) socket.destroy();
    else socket.pipe(onward).pipe(socket);
  }
}
