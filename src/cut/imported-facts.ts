/** What is stored here of a version that comes from elsewhere. */
import { compareDefinitions } from '../../config/change.ts';
import { definitionOf } from '../../config/fingerprint.ts';
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import { factsOf } from '../checkpoint/carry.ts';
import type { Manifest, VersionFacts } from '../checkpoint/store.ts';

export interface ImportPlace {
  readonly model: string;
  readonly config: ModelConfig;
  readonly epoch: number;
  readonly stream: { readonly name: string; readonly created: string };
}

/**
 * Back in its own stream a version keeps its place in it and what it descends from; in another the parameters come
 * along, and the stream is all before it. Throws MillraceError('conflict') for rows of another meaning.
 */
export function importedFacts(manifest: Manifest, place: ImportPlace): VersionFacts {
  const { model, config, epoch, stream } = place;
  const changes = compareDefinitions(manifest.definition, definitionOf(config));
  const refused = changes.filter((change) => change.needs === 'relearn');
  if (refused.length > 0) {
    const list = refused.map(
      ({ path, from, to }) => `${path} (${JSON.stringify(from)} there, ${JSON.stringify(to)} here)`,
    );
    throw new MillraceError(
      'conflict',
      `version ${manifest.version} of ${manifest.model} is of another model than ${model}: ${list.join(', ')}; import it into a model with its settings`,
    );
  }
  const facts: VersionFacts = { ...factsOf(manifest), model, reason: 'import' };
  const isHome = manifest.stream.name === stream.name && manifest.stream.created === stream.created;
  if (isHome) return facts;
  const marks = new Array<number>(config.partitions).fill(0);
  // Epochs are entries of the other's stream, and mean nothing in this one.
  const { entry: _entry, unlearned: _unlearned, ...rest } = facts;
  return { ...rest, parent: 0, epoch, stream: { ...stream, marks } };
}
