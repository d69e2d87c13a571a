import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** A status instead of a tunnel, the address to tunnel to whatever the name, or null: no answer at all. */
export type Route = { status: number; headers?: Record<string, string> } | { to: string } | null;

/** An egress proxy (HTTP CONNECT) that resolves by itself, as a test tells it, and keeps what it was asked. */
export class ConnectProxy {
  /** The authority of each CONNECT. */
  readonly asked: string[] = [];
  readonly authorizations: (string | undefined)[] = [];
  /** Requests that were no CONNECT. */
  plainRequests = 0;
  connections = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly scheme: 'http' | 'https',
    private readonly route: (authority: string) => Route,
  ) {
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.keep(socket);
    });
    server.on('request', (_request, response) => {
      this.plainRequests += 1;
      response.writeHead(405).end();
    });
    server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.tunnel(request, socket, head),
    );
  }

  static async start(route: (authority: string) => Route, tls?: ServerOptions): Promise<ConnectProxy> {
    const server = tls ? createHttpsServer(tls) : createHttpServer();
    const proxy = new ConnectProxy(server, tls ? 'https' : 'http', route);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** @param userInfo such as `user:password` */
  url(userInfo?: string): string {
    const { port } = this.server.address() as AddressInfo;
    return `${this.scheme}://${userInfo === undefined ? '' : `${userInfo}@`}127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private tunnel(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const authority = request.url ?? '';
    this.asked.push(authority);
    this.authorizations.push(request.headers['proxy-authorization']);
    const route = this.route(authority);
    if (route === null) return;
    if ('status' in route) {
      const headers = Object.entries(route.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${route.status} No\r\n${headers.join('')}content-length: 0\r\n\r\n`);
      return;
    }
    const upstream = connect(Number(authority.split(':').at(-1)), route.to, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    this.keep(upstream);
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }
}
