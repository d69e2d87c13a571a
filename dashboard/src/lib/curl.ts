interface SentRequest {
  url: string;
  headers: Record<string, string>;
  body: string | null;
}

/** Set by curl itself, or wrong for a request of its own. */
const LEFT_OUT = new Set(['host', 'content-length', 'connection', 'transfer-encoding']);

/** The request as a command for a POSIX shell. Whatever it holds stays data: each part is quoted. */
export function curlOf({ url, headers, body }: SentRequest): string {
  const parts = [`curl -X POST ${quote(url)}`];
  for (const [name, value] of Object.entries(headers)) {
    if (!LEFT_OUT.has(name.toLowerCase())) parts.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  if (body !== null) parts.push(`--data-binary ${quote(body)}`);
  return parts.join(' \\\n  ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
