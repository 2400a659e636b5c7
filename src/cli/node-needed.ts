/** The Node that this package asks for, from the package.json that lies above this file. */
import { existsSync, readFileSync } from 'node:fs';
import { assert } from '../base/assert.ts';

export function nodeNeeded(from: string | URL = import.meta.url): string {
  const here = new URL('package.json', from);
  if (existsSync(here)) {
    return (JSON.parse(readFileSync(here, 'utf8')) as { engines: { node: string } }).engines.node;
  }
  const above = new URL('..', from);
  assert(above.href !== new URL('.', from).href, 'there is no package.json above the program');
  return nodeNeeded(above);
}
