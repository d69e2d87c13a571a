import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  /** 0: the connection ended without an answer. */
  status: number;
  body: string;
}

/**
 * A keep-alive connection with one request on its way at a time. It reads only what Fastify sends (a Content-Length and no
 * chunks), which is why it costs a tenth of a client that can do more: the generator shares the machine with what it measures.
 */
export class HttpConnection {
  private socket: Socket | undefined;
  private received = '';
  private waiting: ((answer: HttpAnswer) => void) | undefined;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  /** @param text the whole request; only while none is on its way */
  send(text: string, onAnswer: (answer: HttpAnswer) => void): void {
    this.waiting = onAnswer;
    this.socket ??= this.open();
    this.socket.write(text, 'latin1');
  }

  close(): void {
    this.socket?.destroy();
  }

  private open(): Socket {
    const socket = connect({ host: this.host, port: this.port, noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.read(text));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (this.socket === socket) this.socket = undefined;
      this.finish({ status: 0, body: '' });
    });
    return socket;
  }

  private read(text: string): void {
    const received = this.received === '' ? text : this.received + text;
    const headEnd = received.indexOf('\r\n\r\n');
    const bodyStart = headEnd + 4;
    const bodyLength = headEnd < 0 ? 0 : contentLength(received, headEnd);
    if (headEnd < 0 || received.length < bodyStart + bodyLength) {
      this.received = received;
      return;
    }
    this.finish({ status: Number(received.slice(9, 12)), body: received.slice(bodyStart, bodyStart + bodyLength) });
  }

  private finish(answer: HttpAnswer): void {
    const { waiting } = this;
    this.received = '';
    this.waiting = undefined;
    waiting?.(answer);
  }
}

const LENGTH_NAME = '\r\ncontent-length: ';

function contentLength(text: string, headEnd: number): number {
  // As Fastify writes it; Node's own server writes capitals.
  let at = text.indexOf(LENGTH_NAME);
  if (at < 0 || at > headEnd) at = text.toLowerCase().indexOf(LENGTH_NAME);
  if (at < 0 || at > headEnd) return 0;
  return Number.parseInt(text.slice(at + LENGTH_NAME.length, at + LENGTH_NAME.length + 10), 10);
}

/** A whole request without a body. */
export const getRequest = (path: string, headers: Readonly<Record<string, string>>): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headerLines(headers)}\r\n`;

export const headerLines = (headers: Readonly<Record<string, string>>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
