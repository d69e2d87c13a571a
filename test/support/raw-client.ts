import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** What came back over a connection until the server ended it. */
export interface RawAnswer {
  text: string;
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A connection on which a test writes what it likes, as slowly as it likes. */
export class RawClient {
  private received = '';
  readonly ended: Promise<RawAnswer>;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (text: string) => (this.received += text));
    // The server may cut the connection while something is still being written.
    socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => socket.once('close', () => resolve(this.answer())));
  }

  /** @param ca the certificate to trust; with it the connection is made with TLS */
  static async open(url: string, ca?: Buffer): Promise<RawClient> {
    const { hostname: host, port } = new URL(url);
    const socket =
      ca === undefined
        ? connect(Number(port), host)
        : connectTls({ host, port: Number(port), ca, rejectUnauthorized: true });
    const client = new RawClient(socket);
    await new Promise((resolve, reject) =>
      socket.once(ca === undefined ? 'connect' : 'secureConnect', resolve).once('error', reject),
    );
    return client;
  }

  write(bytes: string | Buffer): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** One byte every `everyMs`, for as long as the server takes them. */
  drip(text: string, everyMs: number): void {
    let at = 0;
    const timer = setInterval(() => {
      if (at === text.length || !this.socket.writable) clearInterval(timer);
      else this.write(text.charAt(at++));
    }, everyMs);
    this.socket.once('close', () => clearInterval(timer));
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  /** What has come so far. */
  answer(): RawAnswer {
    const [head = '', ...rest] = this.received.split('\r\n\r\n');
    const [first = '', ...lines] = head.split('\r\n');
    const headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    return {
      text: this.received,
      status: Number(first.split(' ')[1]),
      headers: Object.fromEntries(headers),
      body: rest.join('\r\n\r\n'),
    };
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Sends these bytes and waits until the server ends the connection. */
export async function exchange(url: string, bytes: string | Buffer): Promise<RawAnswer> {
  const client = await RawClient.open(url);
  client.write(bytes);
  return client.ended;
}
