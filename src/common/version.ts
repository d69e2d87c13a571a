import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the package: the nearest package.json above, from the sources as from `dist`. */
export const VERSION: string = (() => {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    try {
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
      return version;
    } catch {
      if (dirname(folder) === folder) return '0.0.0';
    }
  }
})();
