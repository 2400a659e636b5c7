/** Real streams, progressive, one configuration for each task, beside peers on the same rows. */
import type { QualityPart } from '../part.ts';
import { keepReferences } from './references.ts';
import { runStreams } from './run.ts';
import { heldSets, sectionOf } from './section.ts';

export const streams: QualityPart = async (options) => {
  const sets = await runStreams(options);
  if (options.write && options.python !== undefined) {
    await keepReferences(Object.fromEntries(sets.map(({ name, peers }) => [name, peers])));
  }
  return {
    figures: { sets, held: heldSets(sets).map(({ name }) => name) },
    markdown: sectionOf(sets),
  };
};
