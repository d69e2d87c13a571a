/**
 * The bytes as text that PostgreSQL can store: what is no UTF-8, and NUL, become U+FFFD.
 * @param cut whether the bytes end where a limit fell: a character cut in two at the end is then dropped.
 */
export function storableText(bytes: Buffer, cut = false): string {
  const text = bytes.toString('utf8', 0, cut ? wholeCharactersLength(bytes) : bytes.length);
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
}

/** As {@link storableText}, for a header value that the HTTP parser read as Latin-1. */
export function storableHeaderValue(latin1: string): string {
  return /^[\x20-\x7e]*$/.test(latin1) ? latin1 : storableText(Buffer.from(latin1, 'latin1'));
}

function wholeCharactersLength(bytes: Buffer): number {
  // A character's first byte tells its length; it lies at most three bytes before the end when the character is cut.
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    const isContinuation = byte >= 0x80 && byte < 0xc0;
    if (isContinuation) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
