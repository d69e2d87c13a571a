// `ignoreBOM` keeps a byte order mark in the text, where JSON.parse refuses it: the bytes stored are the bytes sent.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of these bytes, or null when they are no UTF-8. Never puts U+FFFD for what it can't read. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}
