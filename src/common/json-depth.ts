/**
 * Whether arrays and objects in a JSON text lie deeper in one another than `maxDepth`. What copies and validates parsed
 * bodies is recursive, and a few kilobytes of `[` would exhaust its stack.
 */
export function isNestedDeeper(json: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < json.length; index += 1) {
    const character = json[index];
    if (inString) {
      if (character === '\\') index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') {
      inString = true;
    } else if (character === '[' || character === '{') {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (character === ']' || character === '}') {
      depth -= 1;
    }
  }
  return false;
}
