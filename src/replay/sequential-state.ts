/**
 * A model in one table, learned event by event in one loop: no actors, no micro-batches, no working set. Entries are
 * decoded, excluded and refused by the same code as in a learner; with one learner the result must be the same, bit
 * for bit.
 */
import { type ModelConfig, modelSchema } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import type { ShardImage } from '../checkpoint/store.ts';
import { type BuiltModel, buildModel } from '../kernels/build-model.ts';
import { Batch } from '../learner/batch.ts';
import { BatchBuilder, partitionOf } from '../learner/batch-builder.ts';
import { ExclusionFilter } from '../learner/exclusion-filter.ts';
import { LearnedIds } from '../learner/learned-ids.ts';
import { readsTime } from '../model/definition.ts';
import { addPrediction } from '../model/metrics.ts';
import { unpackTotals } from '../model/stored-totals.ts';
import type { LogEntry } from '../nats/channel.ts';
import type { CountName, LearningSettings } from '../protocol/internal.ts';
import { keyOfSubject } from '../protocol/subjects.ts';
import { type Blobs, blobsOfIds, idsOfBlobs } from '../shard/recent-ids.ts';
import type { Segment } from './plan.ts';

export interface StoredParameters {
  readonly images: readonly ShardImage[];
  /** As src/model/stored-totals.ts packs them. */
  readonly totals: readonly number[];
  /** What is kept beside rows, by name. */
  readonly blobs?: Blobs;
}

export class SequentialState {
  readonly table: Float32Array;
  readonly counts: Record<CountName, number>;
  readonly totals: Float64Array;
  readonly shape: { readonly keyCount: number; readonly rowWidth: number };
  readonly #model: string;
  readonly #ids: LearnedIds;
  #segment:
    | (BuiltModel & { readonly builder: BatchBuilder; readonly batch: Batch; readonly to: Float64Array })
    | undefined;

  constructor(
    model: string,
    shape: SequentialState['shape'],
    start: StoredParameters = { images: [], totals: [] },
  ) {
    this.#model = model;
    const { keyCount, rowWidth } = shape;
    this.shape = { keyCount, rowWidth };
    this.table = new Float32Array(keyCount * rowWidth);
    for (const { keys, rows } of start.images) {
      for (let i = 0; i < keys.length; i++)
        this.table.set(rows.subarray(i * rowWidth, (i + 1) * rowWidth), keys[i]! * rowWidth);
    }
    const { counts, totals } = unpackTotals(start.totals);
    this.counts = { ...counts };
    this.totals = totals;
    this.#ids = new LearnedIds(Number.POSITIVE_INFINITY, idsOfBlobs(start.blobs ?? {}));
  }

  get blobs(): Blobs {
    return blobsOfIds(this.#ids.ids);
  }

  begin({ settings, from, to, exclusions }: Segment): void {
    const config = configOf(settings);
    const built = buildModel(config);
    const { keyCount, width } = built.model.layout;
    if (keyCount * width !== this.table.length)
      throw new MillraceError('conflict', 'the settings of an epoch give the parameters another shape');
    const { featuresMax, eventsPerMessageMax, featuresPerMessageMax } = config.limits;
    const recentIdsMax = config.dedupe.idsMax;
    this.#ids.limit(recentIdsMax);
    const limits = { eventsMax: 1, recentIdsMax, featuresMax, eventsPerMessageMax, featuresPerMessageMax };
    const { task, classWeights, partitions } = config;
    const place = { model: this.#model, task, classWeights, partitions, learner: 0, learners: 1 };
    const filter = new ExclusionFilter(exclusions);
    const builder = new BatchBuilder(
      { ...place, ...limits, readsTime: readsTime(config.features) },
      built.featurizer,
      from,
      filter,
    );
    this.#segment = { ...built, builder, batch: new Batch(built.model.layout), to };
  }

  take(entry: LogEntry): void {
    const segment = this.#segment;
    if (segment === undefined) throw new Error('a segment begins before its entries');
    const { builder, batch, to } = segment;
    if (entry.seq > to[partitionOf(entry.seq, keyOfSubject(entry.subject), to.length)]!) return;
    batch.clear();
    this.counts.rejected += builder.take(entry, batch).length;
    this.counts.excluded += batch.excluded;
    for (const [first, last] of batch.gaps) this.counts.missing += last - first + 1;
    batch.rowsToKeys();
    for (let event = 0; event < batch.count; event++) this.#learn(segment, batch, event);
  }

  #learn({ model, definition }: BuiltModel, batch: Batch, event: number): void {
    const { weights, ids } = batch;
    const [high, low] = [ids[2 * event]!, ids[2 * event + 1]!];
    const id = high === 0 && low === 0 ? undefined : `${high} ${low}`;
    if (this.#ids.has(id)) {
      this.counts.duplicates++;
      return;
    }
    const view = { ...batch.view(event), keys: undefined };
    const [label, weight] = [batch.labelOf(event), weights[event]!];
    try {
      const raw = model.learn(this.table, view, label, weight);
      addPrediction(this.totals, definition, raw, label, weight, model.classes);
      this.counts.learned++;
      this.#ids.add(id);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      this.counts.rejected++;
    }
  }
}

/** What learns as an epoch did; checked, because the log is open to whoever may publish control entries. */
function configOf({ definition, limits, dedupe }: LearningSettings): ModelConfig {
  const parsed = modelSchema.safeParse({ ...(definition as object), limits, dedupe });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MillraceError(
    'conflict',
    `the settings of an epoch are of another Millrace: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}
