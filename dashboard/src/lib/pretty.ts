const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * Indents JSON without touching its numbers and strings; anything else stays as it is. Not by JSON.stringify, which would
 * round long numbers: people compare these with what they sent.
 */
export function prettyJson(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let depth = 0;
  let last = '';
  let out = '';
  const newLine = (): string => `\n${'  '.repeat(depth)}`;
  for (const [token] of text.matchAll(TOKENS)) {
    const isClosing = token === '}' || token === ']';
    const isAfterOpening = last === '{' || last === '[';
    if (isClosing) {
      depth -= 1;
      if (!isAfterOpening) out += newLine();
    } else if (isAfterOpening) out += newLine();
    out += token;
    if (token === '{' || token === '[') depth += 1;
    else if (token === ',') out += newLine();
    else if (token === ':') out += ' ';
    last = token;
  }
  return out;
}

/** The text of an object's own member, as it was written; null without one. */
export function memberText(json: string, name: string): string | null {
  let depth = 0;
  let start: number | null = null;
  let key = '';
  for (const { 0: token, index } of json.matchAll(TOKENS)) {
    if (token === '}' || token === ']') depth -= 1;
    const ends = (depth === 1 && token === ',') || depth === 0;
    if (start !== null && ends) return json.slice(start, index).trim();
    if (depth === 1 && token === ':' && JSON.parse(key) === name) start = index + 1;
    if (token === '{' || token === '[') depth += 1;
    else if (token.startsWith('"')) key = token;
  }
  return null;
}
