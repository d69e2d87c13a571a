export type Paint = (text: string) => string;

export interface Palette {
  good: Paint;
  bad: Paint;
  waiting: Paint;
  dim: Paint;
  bold: Paint;
}

/** Colours for a terminal; plain text elsewhere, and wherever `NO_COLOR` is set to anything (https://no-color.org). */
export function paletteFor(isTerminal: boolean, noColor: string | undefined): Palette {
  const paint = (code: number): Paint =>
    isTerminal && (noColor ?? '') === '' ? (text) => `\x1b[${code}m${text}\x1b[0m` : (text) => text;
  return { good: paint(32), bad: paint(31), waiting: paint(33), dim: paint(2), bold: paint(1) };
}

/** Rows as lines with their columns aligned. Align first and colour afterwards: colour codes take no room on the screen. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
