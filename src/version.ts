/** The version of this package, as its package.json says. */
import { readFileSync } from 'node:fs';

/** The package's own folder is above `src` when run from source, above `dist/src` when built. */
function findPackage(): { readonly version: string } {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const found = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        name?: string;
        version: string;
      };
      if (found.name === 'millrace') return found;
    } catch {
      // Not there: one folder further up.
    }
  }
  return { version: '0.0.0' };
}

export const codeVersion = findPackage().version;
