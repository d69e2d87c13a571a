const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH_NAME = '\r\ncontent-length:';

/** Where a request's parts end in the bytes received so far. */
export interface Frame {
  bodyStart: number;
  end: number;
}

/** Null while the head is not complete. A request without a Content-Length has no body. */
export function frameOf(bytes: Buffer): Frame | null {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const head = bytes.toString('latin1', 0, headEnd).toLowerCase();
  const at = head.indexOf(LENGTH_NAME);
  const length = at < 0 ? 0 : Number.parseInt(head.slice(at + LENGTH_NAME.length, at + LENGTH_NAME.length + 12), 10);
  const bodyStart = headEnd + HEAD_END.length;
  return { bodyStart, end: bodyStart + length };
}

/** The headers of a framed request by their names in lower case. */
export function headersOf(bytes: Buffer, { bodyStart }: Frame): Record<string, string> {
  const [, ...lines] = bytes.toString('latin1', 0, bodyStart - HEAD_END.length).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return headers;
}

/** The path of the request line. */
export function pathOf(bytes: Buffer): string {
  const line = bytes.toString('latin1', 0, bytes.indexOf('\r\n'));
  return line.split(' ')[1] ?? '';
}
